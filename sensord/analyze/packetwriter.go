package analyze

import (
	"bufio"
	"io"

	"voiptop/sensord/internal/pcapng"
)

// PacketWriter writes packets as a pcapng file: an interface for every link type, when its first packet comes. The zero value is not
// usable; NewPacketWriter makes one.
type PacketWriter struct {
	w     *bufio.Writer
	app   string
	links map[uint16]uint32 // link type -> interface
	notes []string
	buf   []byte
	n     int64
	count uint64
}

// NewPacketWriter writes to w, on behalf of application, a name and version. The comments stand in the file's header. Nothing is
// written before the first packet.
func NewPacketWriter(w io.Writer, application string, comments ...string) *PacketWriter {
	return &PacketWriter{w: bufio.NewWriterSize(w, 64<<10), app: application, links: map[uint16]uint32{}, notes: comments}
}

// Write appends a packet. It is done with p when it returns.
func (o *PacketWriter) Write(p *Packet) error {
	b := o.buf[:0]
	if o.n == 0 {
		b = pcapng.AppendSection(b, o.app, o.notes)
	}
	iface, ok := o.links[p.Link]
	if !ok {
		iface = uint32(len(o.links))
		o.links[p.Link] = iface
		b = pcapng.AppendInterface(b, p.Link)
	}
	b = pcapng.AppendPacket(b, iface, p.Time, p.Data, p.Length)
	o.buf = b
	n, err := o.w.Write(b)
	o.n += int64(n)
	o.count++
	return err
}

// Flush writes what is buffered.
func (o *PacketWriter) Flush() error { return o.w.Flush() }

// Bytes is how much was written, what is buffered included.
func (o *PacketWriter) Bytes() int64 { return o.n }

// Packets is how many packets were written.
func (o *PacketWriter) Packets() uint64 { return o.count }
