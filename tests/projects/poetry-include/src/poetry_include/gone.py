GONE = True
