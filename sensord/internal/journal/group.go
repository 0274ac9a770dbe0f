package journal

import "voiptop/protocol"

// Group lists the calls of a group, oldest first, of the newest 65,536 calls: at most max of them.
func (j *Journal) Group(id string, max int) []protocol.UUID {
	hash := hashGroup(id)
	if hash == 0 {
		return nil
	}
	var out []protocol.UUID
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.index.ring {
		if e := j.index.at(i); e.group == hash && j.index.seqs[e.id] == e.seq && len(out) < max {
			out = append(out, e.id)
		}
	}
	for _, recs := range [][]pendingRec{j.writing, j.pending} { // on their way to the disk
		for i := range recs {
			if r := &recs[i]; r.typ == typeCDR && r.group == hash && j.index.seqs[r.id] == 0 && len(out) < max {
				out = append(out, r.id)
			}
		}
	}
	return out
}
