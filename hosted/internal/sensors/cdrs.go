package sensors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// maxWeight bounds the memory that a batch's CDRs take when decoded, so that a few bytes cannot ask for much.
const maxWeight = 128 << 20

// cdrs stores a batch. The answer follows the commit.
func (s *Service) cdrs(ctx context.Context, p *peer, r *http.Request) (_ any, err error) {
	defer func() { s.metrics.batches.WithLabelValues(resultOf(err)).Inc() }()
	p.mu.Lock()
	x := p.session
	p.mu.Unlock()
	if x == nil {
		return nil, problem(protocol.CodeBadRequest, http.StatusConflict, "say hello before sending calls", "", "")
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "zstd" {
		return nil, badRequest(fmt.Errorf("Content-Encoding %q, want zstd", enc))
	}
	body, err := readBody(r.Body, link.MaxBatchBytes)
	if err != nil {
		return nil, badRequest(err)
	}
	batch, err := s.decode(ctx, body, x)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clock()
	cur, err := s.cfg.Store.Cursor(ctx, x.sensor.Tenant, x.sensor.UUID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if batch.Epoch < cur.Epoch { // passed: only a journal from before could bring it
		return nil, gap(batch, cur, "the batch is of an earlier epoch")
	}
	known := knownOf(batch, cur)
	cur, err = s.cfg.Store.AppendCDRs(ctx, batch, now)
	switch {
	case errors.Is(err, store.ErrGap):
		return nil, gap(batch, cur, "numbers are missing")
	case err != nil:
		return nil, err
	}
	if s.cfg.Stored != nil && known < len(batch.CDRs) {
		s.cfg.Stored(batch.Tenant, batch.CDRs[known:])
	}
	s.metrics.cdrs.Add(float64(len(batch.CDRs)))
	s.metrics.lost.Add(float64(batch.Lost))
	if batch.Lost > 0 {
		s.log.Warn("a sensor lost calls before it could send them", "sensor", x.sensor.UUID.String(), "name", x.sensor.Info.Name, "calls", batch.Lost)
	}
	return link.BatchAnswer{Cursor: link.Cursor{Epoch: cur.Epoch, Next: cur.Next}}, nil
}

// knownOf is how many of a batch's first calls are stored already.
func knownOf(b store.Batch, cur store.Cursor) int {
	if b.Epoch != cur.Epoch || b.First >= cur.Next {
		return 0
	}
	return int(min(cur.Next-b.First, uint64(len(b.CDRs))))
}

func gap(b store.Batch, cur store.Cursor, why string) *protocol.Problem {
	p := problem(protocol.CodeSequenceGap, http.StatusConflict, "the batch does not follow the last one",
		fmt.Sprintf("%s: it begins at %d/%d, hosted is at %d/%d", why, b.Epoch, b.First, cur.Epoch, cur.Next), "say hello again, it tells where to go on")
	p.Fields = map[string]string{"epoch": strconv.FormatUint(cur.Epoch, 10), "next": strconv.FormatUint(cur.Next, 10)}
	return p
}

// decode makes a batch of what a sensor sent. What it claims of itself is not believed: the CDRs are the tenant's and
// carry the sensor's number, whatever they say.
func (s *Service) decode(ctx context.Context, body []byte, x *session) (store.Batch, error) {
	select {
	case s.decoders <- struct{}{}:
		defer func() { <-s.decoders }()
	case <-ctx.Done():
		return store.Batch{}, ctx.Err()
	}
	m, err := link.DecodeBatch(body)
	if err != nil {
		return store.Batch{}, badRequest(err)
	}
	b := store.Batch{Tenant: x.sensor.Tenant, Sensor: x.sensor.UUID, Epoch: m.Epoch, First: m.First, Lost: m.Lost, CDRs: make([]protocol.CDR, len(m.CDRs))}
	if m.Epoch == 0 || m.First == 0 || m.First > 1<<62 || m.Epoch > 1<<62 {
		return store.Batch{}, badRequest(fmt.Errorf("batch %d/%d: epoch and number begin at 1", m.Epoch, m.First))
	}
	weight := 0
	for i, raw := range m.CDRs {
		c := &b.CDRs[i]
		err := link.Unmarshal(raw, c)
		if err == nil && (c.ID.IsZero() || c.Start <= 0) {
			err = errors.New("no id or no start")
		}
		if weight += weigh(c); err == nil && weight > maxWeight {
			return store.Batch{}, badRequest(fmt.Errorf("batch takes more than %d bytes decoded: %w", maxWeight, link.ErrTooLarge))
		}
		if err != nil {
			p := badRequest(fmt.Errorf("CDR %d: %w", m.First+uint64(i), err))
			p.Fields = map[string]string{link.FieldSeq: strconv.FormatUint(m.First+uint64(i), 10)}
			return store.Batch{}, p
		}
		clean(reflect.ValueOf(c).Elem())
		c.SensorID = x.sensor.SensorID
	}
	return b, nil
}

// weigh estimates the memory of a CDR.
func weigh(c *protocol.CDR) int {
	n := int(reflect.TypeFor[protocol.CDR]().Size())
	n += len(c.Streams)*int(reflect.TypeFor[protocol.Stream]().Size()) + len(c.Messages)*int(reflect.TypeFor[protocol.Message]().Size()) +
		len(c.Findings)*int(reflect.TypeFor[protocol.Finding]().Size()) + len(c.Codecs)*16
	for i := range c.Streams {
		n += len(c.Streams[i].Intervals) * int(reflect.TypeFor[protocol.Interval]().Size())
	}
	return n
}

// clean makes every string below v valid UTF-8 without NUL, which no database stores as text.
func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			v.SetString(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD"))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			clean(v.Field(i))
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.String {
			for i := range v.Len() {
				clean(v.Index(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	}
}

// cleanInfo makes storable, and bounds, what a sensor says of itself.
func cleanInfo(i protocol.SensorInfo) protocol.SensorInfo {
	const most = 256
	clean(reflect.ValueOf(&i).Elem())
	for _, s := range []*string{&i.Name, &i.Version, &i.Commit, &i.OS, &i.Arch, &i.BootID, &i.MachineID, &i.Source} {
		if len(*s) > most {
			*s = strings.ToValidUTF8((*s)[:most], "")
		}
	}
	i.Capabilities = i.Capabilities[:min(len(i.Capabilities), 64)]
	return i
}
