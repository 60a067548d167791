import anyio
import pytest

from uvwatch.tasks import background


async def fail_beside_a_task() -> None:
    async with background() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        raise ValueError("mine")


@pytest.mark.anyio
async def test_an_error_of_the_body_comes_out_as_itself() -> None:
    with pytest.raises(ValueError, match="mine"):
        await fail_beside_a_task()


@pytest.mark.anyio
async def test_the_tasks_end_with_the_body() -> None:
    with anyio.fail_after(5):
        async with background() as tasks:
            tasks.start_soon(anyio.sleep_forever)


@pytest.mark.anyio
async def test_a_cancellation_passes() -> None:
    with anyio.fail_after(5), anyio.CancelScope() as scope:
        async with background() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
