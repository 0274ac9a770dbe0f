package httpapi

import (
	"context"
	"errors"
	"strconv"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/mcp"
)

// mcpSpan is how far back calls are counted for an assistant that gives no beginning.
const mcpSpan = 30 * 24 * time.Hour

// counted are the groups that the store counts by, in the assistants' words.
var counted = map[string]store.Dimension{
	"": "", "sensor": store.BySensor, "status": store.ByStatus, "end": store.ByEnd, "finding": store.ByFinding, "from": store.BySrc, "to": store.ByDst,
	"ua": store.ByUA, "codec": store.ByCodec,
}

// Count implements mcp.Counter.
func (s *tenantCalls) Count(ctx context.Context, in mcp.CountQuery) (out mcp.Count, ok bool, err error) {
	by, ok := counted[in.By]
	if !ok {
		return out, false, nil
	}
	q := store.StatsQuery{CallQuery: store.CallQuery{From: in.From, To: in.To}, By: by}
	if q.Where, err = s.where(ctx, in.Where); err != nil {
		return out, true, err
	}
	if q.To == 0 {
		q.To = protocol.TimeOf(s.Now())
	}
	if q.From == 0 {
		q.From = q.To - protocol.Time(mcpSpan/time.Microsecond)
	}
	st, err := s.Store.Stats(ctx, s.id.Tenant, q)
	if errors.Is(err, store.ErrRange) {
		return out, true, badRequest("from", "is not before to, or is too long before", "give a shorter time")
	}
	if err != nil {
		return out, true, s.told(err)
	}
	out = mcp.Count{Since: st.From, Complete: !st.Partial, All: countsOf(&st.Totals), Findings: map[string]int{}, Statuses: map[string]int{}, Others: int(st.Others)}
	for code, n := range st.Totals.Findings {
		out.Findings[code] = int(n)
	}
	for status, n := range st.Totals.Status {
		out.Statuses[strconv.Itoa(status)] = int(n)
	}
	for i := range st.Groups {
		g := &st.Groups[i]
		f := mcp.Figures{Calls: int(g.Calls)}
		if g.Attempts > 0 || g.Connected > 0 { // rollups know of some groups how many calls there are and no more
			f = countsOf(&g.Counts)
		}
		out.Groups = append(out.Groups, mcp.GroupCount{Key: g.Key, Figures: f})
	}
	return out, true, nil
}

func countsOf(c *store.Counts) mcp.Figures {
	whole := func(n int64) *int { v := int(n); return &v }
	f := mcp.Figures{Calls: int(c.Calls), Answered: whole(c.Answered), Poor: whole(c.Bad()), Measured: whole(c.MOS.N), Found: whole(c.Found)}
	set := func(to **float64, scale float64, v float64, ok bool) {
		if ok {
			v = float64(int64(v/scale*1000+0.5)) / 1000
			*to = &v
		}
	}
	part := func(to **float64, scale float64, get func(float64) (float64, bool), p float64) {
		v, ok := get(p)
		set(to, scale, v, ok)
	}
	v, ok := c.ASR()
	set(&f.ASR, 1, v, ok)
	v, ok = c.ACD()
	set(&f.ACD, 1000, v, ok)
	v, ok = c.PDD.Mean()
	set(&f.PDD, 1000, v, ok)
	v, ok = c.MOS.Mean()
	set(&f.MOS, 1000, v, ok)
	v, ok = c.Loss.Mean()
	set(&f.LossPct, 1000, v, ok)
	part(&f.PDD95, 1000, c.PDD.Quantile, 0.95)
	part(&f.MOS5, 1000, c.MOS.Quantile, 0.05)
	return f
}
