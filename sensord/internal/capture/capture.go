// Package capture is where packets come from: pcap and pcapng files (merged by time, or replayed at a chosen speed) and
// an AF_PACKET ring. sensord and sensord/analyze read from its Sources.
//
// It is not for looking into packets: that is decode's.
package capture

import "errors"

// ErrIdle is what Next returns when a live source or a replay has had nothing for 100 ms, so that the caller can tick
// its clock. The source goes on.
var ErrIdle = errors.New("no packet for 100 ms")

// Packet is one captured frame. Data belongs to the source and is valid until the next call of its Next.
type Packet struct {
	Time   int64  // nanoseconds since the Unix epoch
	Data   []byte // what was captured, from the link layer on
	Length int    // bytes on the wire; larger than len(Data) when the capture was cut (snaplen)
	Link   uint16 // LINKTYPE_ number of the tcpdump.org registry, 1 = Ethernet
	Iface  uint16 // interface, or input file, by number from 0: index into Stats().Inputs
	// Secrets are lines of a TLS key log that the input told since the packet before, nil mostly. They are the reader's.
	Secrets []byte
}

// Source yields packets in the order of their time. It has one reader.
type Source interface {
	// Next fills p with the next packet. io.EOF ends a file; ErrIdle says that a live source or a replay has had nothing
	// for 100 ms: then p.Time is the source's time, on the line of its packets' times, for the caller to tick by.
	Next(p *Packet) error
	// Stats may be called by other goroutines.
	Stats() Stats
	// Close frees what the source holds. It may be called by another goroutine and more than once; a waiting Next
	// returns ErrClosed.
	Close() error
}

// ErrClosed is what Next returns after Close.
var ErrClosed = errors.New("the packet source is closed")

// Stats says what a source has read and missed.
type Stats struct {
	Packets     uint64
	Bytes       uint64
	KernelDrops uint64
	Inputs      []string  // interface or file names
	Warnings    []Warning // files that were cut or damaged: what was readable has been read
	Away        []Warning // interfaces that are down or gone now, and are waited for
}

// Warning says that an input could not be read to its end.
type Warning struct {
	Input  string
	Offset int64 // bytes from the start of the file, decompressed
	Text   string
}

// Link types of the tcpdump.org registry that this program reads or writes.
const (
	LinkNull     = 0
	LinkEthernet = 1
	LinkRaw      = 101
	LinkLoop     = 108
	LinkSLL      = 113
	LinkIPv4     = 228
	LinkIPv6     = 229
	LinkSLL2     = 276
)
