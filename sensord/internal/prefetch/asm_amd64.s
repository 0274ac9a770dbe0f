#include "textflag.h"

// func read(p unsafe.Pointer, n int)
TEXT ·read(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ n+8(FP), CX

next:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	DECQ CX
	JGT  next
	RET

// func write(p unsafe.Pointer, n int)
TEXT ·write(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ n+8(FP), CX

next:
	BYTE $0x0f; BYTE $0x0d; BYTE $0x08 // PREFETCHW (AX): nothing is done where it is not known
	ADDQ $64, AX
	DECQ CX
	JGT  next
	RET
