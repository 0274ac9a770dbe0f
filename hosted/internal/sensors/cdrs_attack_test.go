package sensors

import (
	"math"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// A sensor says when its calls were. It cannot make hosted keep a table for each day that there ever was.
func TestNoSensorMakesTablesOfDays(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &link.Batch{Epoch: 1, First: 1}
	for i := range link.MaxBatch {
		c := cdr(uint64(i + 1))
		switch i % 3 {
		case 0:
			c.Start = protocol.TimeOf(time.Unix(int64(1+i)*86400, 0)) // of the first years
		case 1:
			c.Start = protocol.TimeOf(time.Now().AddDate(0, 0, 2+i)) // to come
		case 2:
			c.Start = math.MaxInt64
		}
		b.CDRs = append(b.CDRs, record(t, c))
	}
	if _, err := s.up.Send(t.Context(), encode(t, b)); err != nil {
		t.Fatal(err)
	}
	if n := r.stored(r.tenant); n != link.MaxBatch {
		t.Errorf("%d calls are stored, want all %d", n, link.MaxBatch)
	}
	var days int
	if err := r.store.Write.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'calls_[0-9]*'`).Scan(&days); err != nil {
		t.Fatal(err)
	}
	if days < 1 || days > 3 { // today, and what is next to it
		t.Errorf("there are tables of %d days", days)
	}
}

func TestNumbersAtTheEndOfTheirRangeAreRefused(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]link.Batch{
		"first":         {Epoch: 1, First: math.MaxUint64},
		"first, signed": {Epoch: 1, First: 1 << 63},
		"epoch":         {Epoch: math.MaxUint64, First: 1},
		"epoch, signed": {Epoch: 1 << 63, First: 1},
		"none":          {},
	} {
		b.CDRs = append(b.CDRs, record(t, cdr(1)), record(t, cdr(2)))
		_, err := s.up.Send(t.Context(), encode(t, &b))
		wantProblem(t, err, protocol.CodeBadRequest)
		if n := r.stored(r.tenant); n != 0 {
			t.Errorf("%s: %d calls are stored", name, n)
		}
	}
	if _, err := s.up.Send(t.Context(), batch(t, 1, 1, 0, 2)); err != nil {
		t.Errorf("a good batch afterwards: %v", err)
	}
}
