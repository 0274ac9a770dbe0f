package bpf

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
)

// skb is a packet as Linux gives it to a socket filter.
type skb struct {
	data     []byte
	network  int // offset of the network header
	protocol uint16
	kind     uint16
	tag      []byte // TPID and TCI, nil if none was taken out
}

// runLive runs a program as Linux does, with what is kept beside the frame, which the machine of x/net/bpf does not have.
func runLive(prog []bpf.RawInstruction, s skb) uint32 {
	var a, x uint32
	var m [16]uint32
	load := func(off uint32, size int, absolute bool) (uint32, bool) {
		from := int(off)
		switch {
		case off >= ancillary && absolute:
			switch off - ancillary {
			case ancProtocol:
				return uint32(s.protocol), true
			case ancPacketType:
				return uint32(s.kind), true
			case ancTagPresent:
				return map[bool]uint32{true: 1}[s.tag != nil], true
			case ancTag:
				if s.tag == nil {
					return 0, true
				}
				return uint32(binary.BigEndian.Uint16(s.tag[2:])), true
			}
			panic(fmt.Sprintf("ancillary %d", off-ancillary))
		case off >= networkHeader:
			from = int(off-networkHeader) + s.network
		}
		if from+size > len(s.data) {
			return 0, false
		}
		switch b := s.data[from:]; size {
		case 1:
			return uint32(b[0]), true
		case 2:
			return uint32(binary.BigEndian.Uint16(b)), true
		default:
			return binary.BigEndian.Uint32(b), true
		}
	}
	for pc := 0; ; pc++ {
		i := prog[pc]
		operand := i.K
		if i.Op&8 != 0 {
			operand = x
		}
		ok := true
		switch i.Op & 7 {
		case 0: // LD
			size := map[uint16]int{opLoadW: 4, opLoadH: 2, opLoadB: 1}[i.Op&0x18]
			switch i.Op & 0xe0 {
			case modeAbs:
				a, ok = load(i.K, size, true)
			case modeInd:
				a, ok = load(i.K+x, size, false)
			case modeImm:
				a = i.K
			case modeMem:
				a = m[i.K]
			case modeLen:
				a = uint32(len(s.data))
			}
		case 1: // LDX
			switch i.Op & 0xe0 {
			case 0xa0:
				x, ok = load(i.K, 1, false)
				x = x & 15 * 4
			case modeImm:
				x = i.K
			case modeMem:
				x = m[i.K]
			case modeLen:
				x = uint32(len(s.data))
			}
		case 2:
			m[i.K] = a
		case 3:
			m[i.K] = x
		case 4:
			switch i.Op & 0xf0 {
			case aluAdd:
				a += operand
			case 0x10:
				a -= operand
			case 0x20:
				a *= operand
			case 0x30, 0x90:
				if operand == 0 {
					return 0
				}
				if i.Op&0xf0 == 0x30 {
					a /= operand
				} else {
					a %= operand
				}
			case 0x40:
				a |= operand
			case aluAnd:
				a &= operand
			case 0x60:
				a <<= operand
			case 0x70:
				a >>= operand
			case 0x80:
				a = -a
			case 0xa0:
				a ^= operand
			}
		case 5:
			yes := false
			switch i.Op & 0xf0 {
			case 0:
				pc += int(i.K)
				continue
			case jumpEqual:
				yes = a == operand
			case jumpGreater:
				yes = a > operand
			case jumpAtLeast:
				yes = a >= operand
			case 0x40:
				yes = a&operand != 0
			}
			if yes {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		case 6:
			if i.Op == 0x16 {
				return a
			}
			return i.K
		case 7:
			if i.Op == opCopyToX {
				x = a
			} else {
				a = x
			}
		}
		if !ok {
			return 0
		}
	}
}
