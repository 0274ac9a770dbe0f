#include "textflag.h"

// word makes a word of four vectors of ones and zeros, a bit for each byte. V31 has a bit for each of 8 bytes.
#define word(a, b, c, d, to) \
	VAND  V31.B16, a.B16, a.B16; \
	VAND  V31.B16, b.B16, b.B16; \
	VAND  V31.B16, c.B16, c.B16; \
	VAND  V31.B16, d.B16, d.B16; \
	VADDP b.B16, a.B16, a.B16;   \
	VADDP d.B16, c.B16, c.B16;   \
	VADDP c.B16, a.B16, a.B16;   \
	VADDP a.B16, a.B16, a.B16;   \
	VMOV  a.D[0], to

// mark writes the place of the lowest bit and clears it.
#define mark(bits, to) \
	RBIT   bits, R14;     \
	CLZ    R14, R14;      \
	ADD    R5, R14, R14;  \
	MOVH.P R14, 2(to);    \
	SUB    $1, bits, R14; \
	AND    R14, bits, bits

// func findBlocks(b *byte, n int, m *marks) int
//
// As in asm_amd64.s: a word for line feeds (R9) and one for colons (R10), and starts of lines that carry on to the first of either.
TEXT ·findBlocks(SB), NOSPLIT, $0-32
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1
	MOVD m+16(FP), R2  // where the next colon is written
	ADD  $192, R2, R3  // where the next end is
	MOVD R3, R4        // where the first is
	VMOVI $10, V28.B16
	VMOVI $58, V29.B16
	MOVD $0x8040201008040201, R6
	VDUP R6, V31.D2
	MOVD $0, R5        // where the block is
	MOVD $1, R6        // the block starts with a line, or goes on before the first colon of one

next:
	SUBS R5, R1, R7
	BLE  done
	ADD  R5, R0, R8
	MOVD $0, R15
	CMP  $64, R7
	BGE  load
	MOVD $64, R15      // less than a block is left: the last 64 bytes again, without those that were looked at
	SUB  R7, R15, R15
	SUB  R15, R8, R8

load:
	VLD1  (R8), [V0.B16, V1.B16, V2.B16, V3.B16]
	VCMEQ V28.B16, V0.B16, V4.B16
	VCMEQ V28.B16, V1.B16, V5.B16
	VCMEQ V28.B16, V2.B16, V6.B16
	VCMEQ V28.B16, V3.B16, V7.B16
	VCMEQ V29.B16, V0.B16, V0.B16
	VCMEQ V29.B16, V1.B16, V1.B16
	VCMEQ V29.B16, V2.B16, V2.B16
	VCMEQ V29.B16, V3.B16, V3.B16
	word(V4, V5, V6, V7, R9)
	word(V0, V1, V2, V3, R10)
	LSR  R15, R9, R9
	LSR  R15, R10, R10
	ORR  R9, R10, R10
	ADD  R9<<1, R6, R11 // starts
	MVN  R10, R12
	ADDS R12, R11, R11
	ADC  ZR, ZR, R6     // a name goes on in the next block
	ORR  R9>>63, R6, R6 // or a line starts with it
	AND  R10, R11, R11  // first colons, or ends
	CBZ  R11, ends

colon:
	mark(R11, R2)
	CBNZ R11, colon

ends:
	CBZ  R9, more

end:
	mark(R9, R3)
	CBNZ R9, end

more:
	ADD  $64, R5
	SUB  R4, R3, R7
	CMP  $58, R7 // few, two bytes each
	BLT  next

done:
	SUB  R4, R3, R3
	LSR  $1, R3, R3
	MOVD R3, ret+24(FP)
	RET

// The tables of asm_amd64.s.
DATA low<>+0(SB)/8, $0x0000000000010000
DATA low<>+8(SB)/8, $0x0002000702000000
GLOBL low<>(SB), RODATA|NOPTR, $16
DATA high<>+0(SB)/8, $0x0000040002010000
DATA high<>+8(SB)/8, $0x0000000000000000
GLOBL high<>(SB), RODATA|NOPTR, $16

// sign makes ones of the signs in v, and zeros of the rest.
#define sign(v, other) \
	VUSHR  $4, v.B16, other.B16;         \
	VAND   V30.B16, v.B16, v.B16;        \
	VTBL   v.B16, [V28.B16], v.B16;      \
	VTBL   other.B16, [V29.B16], other.B16; \
	VCMTST other.B16, v.B16, v.B16

// func findSignsBlocks(b *byte, n int, s *Signs) int
TEXT ·findSignsBlocks(SB), NOSPLIT, $0-32
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1
	MOVD s+16(FP), R2
	ADD  $56, R2, R3 // behind the last there is room for: manySigns
	MOVD R2, R4
	MOVD $low<>(SB), R6
	VLD1 (R6), [V28.B16]
	MOVD $high<>(SB), R6
	VLD1 (R6), [V29.B16]
	VMOVI $15, V30.B16
	MOVD $0x8040201008040201, R6
	VDUP R6, V31.D2
	MOVD $0, R5      // where the block is

next:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	sign(V0, V4)
	sign(V1, V5)
	sign(V2, V6)
	sign(V3, V7)
	word(V0, V1, V2, V3, R9)
	CMP  $64, R1
	BGE  whole
	MOVD $1, R10     // less than a block is left
	LSL  R1, R10, R10
	SUB  $1, R10, R10
	AND  R10, R9, R9

whole:
	CBZ  R9, more

write:
	CMP  R3, R2
	BEQ  many
	mark(R9, R2)
	CBNZ R9, write

more:
	ADD  $64, R5
	SUBS $64, R1, R1
	BGT  next
	SUB  R4, R2, R2
	LSR  $1, R2, R2
	MOVD R2, ret+24(FP)
	RET

many:
	MOVD $-1, R2
	MOVD R2, ret+24(FP)
	RET
