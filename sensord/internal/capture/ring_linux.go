package capture

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"voiptop/sensord/internal/bpf"
)

// ring is a TPACKET_V3 ring (Documentation/networking/packet_mmap.rst): blocks of memory shared with the kernel, which
// fills one after another with packets and passes it over when it is full or blockTimeout has gone by.
//
//	block:  version 4 | private 4 | status 4 | packets 4 | offset of the first 4 | ...
//	packet: next 4 | seconds 4 | nanoseconds 4 | captured 4 | length 4 | status 4 | mac 2 | net 2 | hash 4 | vlan TCI 4 |
//	        vlan TPID 2 | padding 10 | sockaddr_ll: family 2 | protocol 2 | interface 4 | ARPHRD 2 | packet type 1 | ...
type ring struct {
	name  string
	iface uint16
	size  int // bytes
	index int // of the interface, 0: all

	fd     int
	mem    []byte
	block  int    // the one that is read
	held   bool   // it is ours
	left   uint32 // packets in it that have not been read
	packet int    // offset in mem of the next one
	time   int64  // its time
	away   bool   // the interface is down or gone
}

const (
	blockSize    = 1 << 20
	frameSize    = 2048 // a formality with version 3
	blockTimeout = 40   // ms
	// handOver is how old a packet can be when the kernel hands its block over: a timer looks every blockTimeout, and hands
	// over a block that it has seen before. On a busy machine it comes late.
	handOver = 3 * blockTimeout * time.Millisecond

	blockStatus  = 8
	blockPackets = 12
	blockFirst   = 16

	packetHeader = 48 // then sockaddr_ll
	addressEnd   = packetHeader + 20

	statusUser      = 1
	statusVLAN      = 1 << 4
	statusVLANProto = 1 << 6

	arpEthernet = 1
	arpLoopback = 772

	packetOutgoing = 4
)

// open makes the ring and begins to capture.
func (r *ring) open(o *LiveOptions) error {
	r.fd, r.index = -1, 0
	if r.name != "any" {
		i, err := net.InterfaceByName(r.name)
		if err != nil {
			return noInterface(r.name)
		}
		r.index = i.Index
	}
	// Protocol 0: nothing comes in before the ring and the filter stand.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return describe(r.name, err)
	}
	r.fd = fd
	if err := r.setUp(o); err != nil {
		r.close()
		return describe(r.name, err)
	}
	return nil
}

func (r *ring) setUp(o *LiveOptions) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	blocks := max(r.size/blockSize, 2)
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(blocks),
		Frame_size: frameSize, Frame_nr: uint32(blocks * (blockSize / frameSize)), Retire_blk_tov: blockTimeout,
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	mem, err := unix.Mmap(r.fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	r.mem, r.block, r.held, r.left = mem, 0, false, 0
	if o.Filter != nil || o.Snaplen > 0 {
		if err := r.filter(o); err != nil {
			return err
		}
	}
	if o.Promisc && r.index != 0 {
		m := unix.PacketMreq{Ifindex: int32(r.index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return err
		}
	}
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: r.index})
}

// networkOrder lays v out in memory with the most significant byte first.
func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// filter has the kernel choose frames, and cut them.
func (r *ring) filter(o *LiveOptions) error {
	f := o.Filter
	if f == nil {
		f = new(bpf.Filter)
	}
	link := bpf.LiveAny
	if r.index != 0 {
		hardware, err := r.hardware()
		if err != nil {
			return err
		}
		if hardware == arpEthernet || hardware == arpLoopback {
			link = bpf.LiveEthernet
		}
	}
	prog, err := f.Compile(bpf.Options{Link: link, Snaplen: uint32(o.Snaplen)})
	if err != nil {
		return err
	}
	k := make([]unix.SockFilter, len(prog))
	for i, in := range prog {
		k[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(k)), Filter: &k[0]})
}

// hardware is the interface's ARPHRD_ number.
func (r *ring) hardware() (uint16, error) {
	req, err := unix.NewIfreq(r.name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(r.fd, unix.SIOCGIFHWADDR, req); err != nil {
		return 0, err
	}
	return req.Uint16(), nil // of struct sockaddr, the family
}

func (r *ring) close() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
		r.mem = nil
	}
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}

func (r *ring) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.block*blockSize+blockStatus]))
}

// ready says whether there is a packet to take, and sets time. It gives read blocks back to the kernel.
func (r *ring) ready() bool {
	if r.left > 0 {
		return true
	}
	for r.mem != nil {
		if r.held {
			atomic.StoreUint32(r.status(), 0)
			r.held = false
			if r.block++; r.block*blockSize == len(r.mem) {
				r.block = 0
			}
		}
		if atomic.LoadUint32(r.status())&statusUser == 0 {
			return false
		}
		r.held = true
		b := r.mem[r.block*blockSize:][:blockSize]
		if r.left = binary.NativeEndian.Uint32(b[blockPackets:]); r.left > 0 {
			r.packet = r.block*blockSize + int(binary.NativeEndian.Uint32(b[blockFirst:]))
			r.setTime()
			return true
		}
	}
	return false
}

func (r *ring) setTime() {
	h := r.mem[r.packet:]
	r.time = int64(binary.NativeEndian.Uint32(h[4:]))*1e9 + int64(binary.NativeEndian.Uint32(h[8:]))
}

// take fills p with the next packet and moves on; false if that one is not wanted.
func (r *ring) take(p *Packet) bool {
	at := r.packet
	h := r.mem[at:]
	n := int(binary.NativeEndian.Uint32(h[12:]))
	p.Time, p.Length, p.Iface = r.time, int(binary.NativeEndian.Uint32(h[16:])), r.iface
	status := binary.NativeEndian.Uint32(h[20:])
	mac, net := int(binary.NativeEndian.Uint16(h[24:])), int(binary.NativeEndian.Uint16(h[26:]))
	tci, tpid := uint16(binary.NativeEndian.Uint32(h[32:])), binary.NativeEndian.Uint16(h[36:])
	arp, kind := binary.NativeEndian.Uint16(h[packetHeader+8:]), h[packetHeader+10]

	r.left--
	if r.left > 0 {
		r.packet += int(binary.NativeEndian.Uint32(h))
		r.setTime()
	}
	if arp == arpLoopback && kind == packetOutgoing {
		return false // it comes back in
	}
	if arp != arpEthernet && arp != arpLoopback { // tun, PPP, tunnels: what link header there is, is not Ethernet's
		p.Link = LinkRaw
		p.Data = h[net : mac+max(n, net-mac) : mac+max(n, net-mac)]
		p.Length -= net - mac
		return true
	}
	p.Link = LinkEthernet
	if status&statusVLAN != 0 && n >= 12 && mac >= addressEnd+4 {
		// The kernel has taken the VLAN tag out; there is room to put it back in.
		copy(h[mac-4:], h[mac:mac+12])
		mac -= 4
		n += 4
		p.Length += 4
		if status&statusVLANProto == 0 {
			tpid = 0x8100
		}
		binary.BigEndian.PutUint16(h[mac+12:], tpid)
		binary.BigEndian.PutUint16(h[mac+14:], tci)
	}
	p.Data = h[mac : mac+n : mac+n]
	return true
}
