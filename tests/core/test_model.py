from uvwatch.core.model import Batch


def test_a_later_batch_says_what_became_of_a_path() -> None:
    before = Batch(added=("b",), changed=("a", "c"), touched=("t",))
    later = Batch(removed=("a",), changed=("t",), added=("n",))

    assert before | later == Batch(added=("b", "n"), changed=("c", "t"), removed=("a",))


def test_a_file_that_came_and_went_was_nothing() -> None:
    assert not Batch(added=("x.partial",)) | Batch(removed=("x.partial",))


def test_a_batch_that_was_only_touched_is_something_but_no_difference() -> None:
    batch = Batch(touched=("t",))

    assert batch
    assert not batch.differs


def test_an_empty_batch_is_nothing() -> None:
    assert not Batch()
