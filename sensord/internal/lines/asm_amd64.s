#include "textflag.h"

DATA colon<>+0(SB)/1, $0x3a
GLOBL colon<>(SB), RODATA|NOPTR, $1
DATA feed<>+0(SB)/1, $0x0a
GLOBL feed<>(SB), RODATA|NOPTR, $1

// mark writes the place of the lowest bit and clears it.
#define mark(bits, to) \
	TZCNTQ bits, DX;    \
	BLSRQ  bits, bits;  \
	ADDL   R8, DX;      \
	MOVW   DX, to

// masks: of the 64 bytes in Y2 and Y3 a bit for each that is as those of Y0, in AX, and as those of Y1, in BX. DX and R11 are used.
#define masks \
	VPCMPEQB  Y0, Y2, Y4; \
	VPCMPEQB  Y0, Y3, Y5; \
	VPCMPEQB  Y1, Y2, Y6; \
	VPCMPEQB  Y1, Y3, Y7; \
	VPMOVMSKB Y4, AX; \
	VPMOVMSKB Y5, DX; \
	VPMOVMSKB Y6, BX; \
	VPMOVMSKB Y7, R11; \
	SHLQ $32, DX; \
	SHLQ $32, R11; \
	ORQ  DX, AX; \
	ORQ  R11, BX

// func findBlocks(b *byte, n int, m *marks) int
//
// A block of 64 bytes becomes two words with a bit for each line feed (AX) and each colon (BX). Bits of starts of lines, added to the
// bits of all that is neither, carry on to the first colon or line feed behind them.
// More may be written behind the marks than there are, up to three.
TEXT ·findBlocks(SB), NOSPLIT, $0-32
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ m+16(FP), DI
	VPBROADCASTB feed<>(SB), Y0
	VPBROADCASTB colon<>(SB), Y1
	XORL R8, R8   // where the block is
	XORL R9, R9   // lines that have an end
	MOVQ DI, R13  // where the next colon is written
	MOVL $1, R10  // the block starts with a line, or goes on before the first colon of one
	SUBQ $64, CX  // where the last whole block may be

next:
	CMPQ R8, CX
	JA   tail
	VMOVDQU   (SI)(R8*1), Y2
	VMOVDQU   32(SI)(R8*1), Y3
	masks

bits:
	ORQ  AX, BX
	MOVQ BX, R12
	NOTQ R12
	LEAQ (R10)(AX*2), R11 // starts
	XORL R10, R10
	ADDQ R12, R11
	ADCQ $0, R10          // a name goes on in the next block
	ANDQ BX, R11          // first colons, or ends
	MOVQ AX, DX
	SHRQ $63, DX
	ORQ  DX, R10          // a line starts with the next block
	LEAQ 192(DI)(R9*2), R12
	POPCNTQ AX, DX
	ADDQ DX, R9
	POPCNTQ R11, BX
	LEAQ (R13)(BX*2), BX

write:
	mark(R11, 0(R13))
	mark(AX, 0(R12))
	mark(R11, 2(R13))
	mark(AX, 2(R12))
	mark(R11, 4(R13))
	mark(AX, 4(R12))
	ADDQ $6, R13
	ADDQ $6, R12
	MOVQ R11, DX
	ORQ  AX, DX
	JNE  write
	MOVQ BX, R13
	ADDQ $64, R8
	CMPQ R9, $29 // few
	JLT  next

done:
	MOVQ R9, ret+24(FP)
	VZEROUPPER
	RET

tail: // less than a block is left: the last 64 bytes again, without those that were looked at
	ADDQ $64, CX
	CMPQ R8, CX
	JAE  done
	VMOVDQU   -64(SI)(CX*1), Y2
	VMOVDQU   -32(SI)(CX*1), Y3
	masks
	SUBQ R8, CX
	NEGQ CX
	ANDL $63, CX // 64 less the bytes that are left
	SHRQ CX, AX
	SHRQ CX, BX
	MOVQ R8, CX // this was the last
	JMP  bits

// What high and low half of a sign have in common: bit 0 for " and ,  bit 1 for ; < and >  bit 2 for \.
DATA low<>+0(SB)/8, $0x0000000000010000
DATA low<>+8(SB)/8, $0x0002000702000000
GLOBL low<>(SB), RODATA|NOPTR, $16
DATA high<>+0(SB)/8, $0x0000040002010000
DATA high<>+8(SB)/8, $0x0000000000000000
GLOBL high<>(SB), RODATA|NOPTR, $16
DATA half<>+0(SB)/1, $0x0f
GLOBL half<>(SB), RODATA|NOPTR, $1

// func findSignsBlocks(b *byte, n int, s *Signs) int
TEXT ·findSignsBlocks(SB), NOSPLIT, $0-32
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ s+16(FP), DI
	VBROADCASTI128 low<>(SB), Y0
	VBROADCASTI128 high<>(SB), Y1
	VPBROADCASTB   half<>(SB), Y2
	VPXOR Y3, Y3, Y3
	XORL  R8, R8 // where the block is
	XORL  R9, R9 // signs

next:
	VMOVDQU   (SI)(R8*1), Y4
	VMOVDQU   32(SI)(R8*1), Y5
	VPSRLW    $4, Y4, Y6
	VPSRLW    $4, Y5, Y7
	VPAND     Y2, Y6, Y6
	VPAND     Y2, Y7, Y7
	VPSHUFB   Y4, Y0, Y4 // nothing for bytes from 0x80 on
	VPSHUFB   Y5, Y0, Y5
	VPSHUFB   Y6, Y1, Y6
	VPSHUFB   Y7, Y1, Y7
	VPAND     Y6, Y4, Y4
	VPAND     Y7, Y5, Y5
	VPCMPEQB  Y3, Y4, Y4
	VPCMPEQB  Y3, Y5, Y5
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, DX
	SHLQ $32, DX
	ORQ  DX, AX
	NOTQ AX
	CMPQ CX, $64
	JAE  whole
	MOVQ $-1, DX // less than a block is left
	SHLQ CX, DX
	ANDNQ AX, DX, AX

whole:
	LEAQ (DI)(R9*2), R12
	POPCNTQ AX, DX
	ADDQ DX, R9
	CMPQ R9, $28 // manySigns
	JA   many

write:
	mark(AX, 0(R12))
	mark(AX, 2(R12))
	mark(AX, 4(R12))
	mark(AX, 6(R12))
	ADDQ  $8, R12
	TESTQ AX, AX
	JNE   write
	ADDQ $64, R8
	SUBQ $64, CX
	JGT  next
	MOVQ R9, ret+24(FP)
	VZEROUPPER
	RET

many:
	MOVQ $-1, ret+24(FP)
	VZEROUPPER
	RET
