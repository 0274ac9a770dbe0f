package source

import (
	"context"
	"net/url"
	"strconv"

	"voiptop/protocol"
)

// Grouper is a Source that finds the other calls of a conversation by itself.
type Grouper interface {
	Source
	// Group names the calls that have the group of c, c among them, in no order, at most maxLegs.
	Group(ctx context.Context, c *protocol.CDR) ([]protocol.UUID, error)
}

// maxLegs bounds a conversation; a group with more is a mistake of whoever joined it.
const maxLegs = 100

// Group looks through the calls that were read.
func (f *File) Group(_ context.Context, c *protocol.CDR) ([]protocol.UUID, error) {
	ids := []protocol.UUID{c.ID}
	if c.GroupID == "" {
		return ids, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	add := func(id protocol.UUID, group string) {
		if group == c.GroupID && id != c.ID && len(ids) < maxLegs {
			ids = append(ids, id)
		}
	}
	for _, x := range f.calls {
		add(x.ID, x.GroupID)
	}
	for _, x := range f.engine.Live(nil) {
		if x.End == 0 { // the ended ones are in calls
			add(x.ID, x.GroupID)
		}
	}
	return ids, nil
}

// Group asks for the ended calls of the group.
func (h *Hosted) Group(ctx context.Context, c *protocol.CDR) ([]protocol.UUID, error) {
	ids := []protocol.UUID{c.ID}
	if _, err := protocol.ParseUUID(c.GroupID); err != nil {
		return ids, nil
	}
	found, err := h.search(ctx, url.Values{"group": {c.GroupID}, "limit": {strconv.Itoa(maxLegs)}})
	for i := range found.Calls {
		if found.Calls[i].ID != c.ID {
			ids = append(ids, found.Calls[i].ID)
		}
	}
	return ids, err
}
