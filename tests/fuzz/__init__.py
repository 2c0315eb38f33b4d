"""Every parser of bytes from outside, under a fuzzer that follows what it reaches."""
