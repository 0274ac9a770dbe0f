package capture

import (
	"encoding/binary"
)

// pkt is a packet of a test capture.
type pkt struct {
	t      int64
	data   string
	length int // 0: len(data)
	iface  int
}

func (p pkt) wire() uint32 {
	if p.length == 0 {
		return uint32(len(p.data))
	}
	return uint32(p.length)
}

// pcapBytes writes a classic capture.
func pcapBytes(order binary.AppendByteOrder, nano bool, link uint32, pkts ...pkt) []byte {
	magic, unit := uint32(magicMicro), int64(1000)
	if nano {
		magic, unit = magicNano, 1
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 65535)
	b = order.AppendUint32(b, link)
	for _, p := range pkts {
		b = order.AppendUint32(b, uint32(p.t/1e9))
		b = order.AppendUint32(b, uint32(p.t%1e9/unit))
		b = order.AppendUint32(b, uint32(len(p.data)))
		b = order.AppendUint32(b, p.wire())
		b = append(b, p.data...)
	}
	return b
}

type ngIface struct {
	link   uint16
	resol  int // -1: none given
	offset int64
}

func ngBlock(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	body = append(body, make([]byte, (4-len(body)%4)%4)...)
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(body)+12))
	b = append(b, body...)
	return order.AppendUint32(b, uint32(len(body)+12))
}

func ngSection(order binary.AppendByteOrder) []byte {
	b := order.AppendUint32(nil, byteOrderMagic)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0)
	return ngBlock(order, magicNG, order.AppendUint64(b, ^uint64(0)))
}

func ngInterfaceBlock(order binary.AppendByteOrder, i ngIface) []byte {
	b := order.AppendUint16(nil, i.link)
	b = append(b, 0, 0, 0, 0, 0, 0)
	if i.resol >= 0 {
		b = order.AppendUint16(b, 9)
		b = order.AppendUint16(b, 1)
		b = append(b, byte(i.resol), 0, 0, 0)
	}
	if i.offset != 0 {
		b = order.AppendUint16(b, 14)
		b = order.AppendUint16(b, 8)
		b = order.AppendUint64(b, uint64(i.offset))
	}
	return ngBlock(order, blockInterface, append(b, 0, 0, 0, 0))
}

func ngPacket(order binary.AppendByteOrder, p pkt, units uint64) []byte {
	b := order.AppendUint32(nil, uint32(p.iface))
	b = order.AppendUint32(b, uint32(units>>32))
	b = order.AppendUint32(b, uint32(units))
	b = order.AppendUint32(b, uint32(len(p.data)))
	b = order.AppendUint32(b, p.wire())
	return ngBlock(order, blockEnhanced, append(b, p.data...))
}

// ngBytes writes a pcapng file with interfaces of microseconds.
func ngBytes(order binary.AppendByteOrder, link uint16, pkts ...pkt) []byte {
	b := append(ngSection(order), ngInterfaceBlock(order, ngIface{link, -1, 0})...)
	b = append(b, ngBlock(order, 0xbad, []byte("a block nobody knows"))...)
	for _, p := range pkts {
		b = append(b, ngPacket(order, p, uint64(p.t/1000))...)
	}
	return b
}
