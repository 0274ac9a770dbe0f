package capture

// calm reports whether run may be asked: the window is full, and of late no packet was out of order.
func (f *file) calm() bool {
	if f.live != nil {
		return false
	}
	f.fill()
	if f.unruly > 0 {
		f.unruly--
		return false
	}
	return f.n == windowSize && f.later == 0
}

// run puts packets into the batch as next would give them, many at a time, while they lie whole in the block and are in order: each that
// is read lets the oldest of the window go. It reports whether there is more to come before the next block.
func (f *file) run(b *Batch) (more bool) {
	at := len(b.Packets)
	list := b.room[at+windowSize : b.most+windowSize-1]
	n, cut := f.f.run(list, f.ring[(f.head+f.n-1)%ringSize].time)
	for i := range min(n+1, windowSize) {
		p := &b.room[at+i]
		p.Secrets = nil
		b.keep(f.take(p))
	}
	b.room[at].Secrets, f.secrets = f.secrets, nil
	handed := max(0, n-windowSize+1) // stand where they belong
	for i := 0; i < handed && list[i].Time < earliest; i++ {
		list[i].Time = earliest
	}
	newest := list[handed:n]
	for i := range newest {
		p := &newest[i]
		f.ring[(f.head+f.n)%ringSize] = record{p.Time, p.Data, f.b.in, int32(p.Length), p.Link}
		f.n++
	}
	f.b.in.held += len(newest)
	if handed > 0 {
		f.b.in.held++
		b.keep(f.b.in)
	}
	b.took(n + 1)
	if cut && f.b.full() {
		return false
	}
	if n < windowSize/2 && n < len(list) && !cut {
		f.unruly = 4 * windowSize
	}
	return true
}
