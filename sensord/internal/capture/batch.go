package capture

// Batch is room for packets in a row. Make it with NewBatch.
type Batch struct {
	// Packets are what the last Fill has read. They, and their Data, stay what they are until the next one.
	Packets []Packet

	most   int      // packets at a time
	room   []Packet // for them, and for those that wait for their turn
	blocks []*block // that the packets lie in; for each one of the holders
	copied []byte   // packets of a source that lends one at a time
}

// batchBytes is how many bytes of packets are enough for a batch.
const batchBytes = 252 << 10

// NewBatch makes a batch for up to n packets.
func NewBatch(n int) *Batch { return &Batch{most: n, room: make([]Packet, n+windowSize)} }

// Filler is a Source that can hand out many packets at a time. Those of files are: they read into the memory that the packets stay in.
type Filler interface {
	Source
	// Fill reads packets until the batch is full, or as many as lie together. An error is that of the packet after them. Of all
	// batches of a source one is filled at a time, and Next may not be called meanwhile.
	Fill(b *Batch) error
	// Waits reports whether Fill may have to wait for somebody, who writes into a pipe.
	Waits() bool
}

// Waits reports whether reading src may mean to wait for somebody.
func Waits(src Source) bool {
	f, ok := src.(Filler)
	return !ok || f.Waits()
}

// Fill fills b from src, which is a Filler or not; then packets are copied.
func Fill(src Source, b *Batch) error {
	if f, ok := src.(Filler); ok {
		return f.Fill(b)
	}
	b.Release()
	if b.copied == nil {
		b.copied = make([]byte, 0, batchBytes)
	}
	for b.copied = b.copied[:0]; len(b.Packets) < b.most && len(b.copied) < batchBytes; {
		p := b.next()
		if err := src.Next(p); err != nil {
			return err
		}
		// Should the array grow, the packets before stay where they are, in the old one.
		at := len(b.copied)
		b.copied = append(b.copied, p.Data...)
		p.Data = b.copied[at:len(b.copied):len(b.copied)]
		b.took(1)
	}
	return nil
}

// Release gives the packets back before the next Fill, so that less memory is in use. Others may fill batches meanwhile.
func (b *Batch) Release() {
	if len(b.blocks) > 0 {
		b.blocks[0].of.giveBack(b.blocks)
	}
	clear(b.blocks)
	b.blocks, b.Packets = b.blocks[:0], b.room[:0]
}

// next is room for a packet.
func (b *Batch) next() *Packet { return &b.room[len(b.Packets)] }

// took adds n packets that have been put into the room.
func (b *Batch) took(n int) { b.Packets = b.room[:len(b.Packets)+n] }

// keep takes over a hold of a block until the packets are given back.
func (b *Batch) keep(in *block) {
	if n := len(b.blocks); n > 0 && b.blocks[n-1] == in {
		in.let()
	} else if in != nil {
		b.blocks = append(b.blocks, in)
	}
}
