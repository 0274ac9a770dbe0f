package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func TestAnExportHasAllThatIsFound(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.CDR
	for i := range 2300 {
		calls = append(calls, w.call(1, func(c *protocol.CDR) {
			c.Start -= protocol.Time(i) * 1000
			c.Caller, c.Status = fmt.Sprintf("+4207%05d", i), 200+i%2
			c.Messages = []protocol.Message{{FirstLine: "INVITE"}}
		}))
	}
	for i := range 5 {
		w.stored(w.acme, w.s1.uuid, calls[i*460:(i+1)*460]...)
	}
	w.stored(w.other, w.theirs.uuid, w.call(1, func(c *protocol.CDR) { c.Status = 200 }))
	c := w.as("user")
	a := c.get("/calls.csv?" + where("status:200"))
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 1151 {
		t.Fatalf("%d rows, %v, want 1150 and a head", len(rows), err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for i, row := range rows[1:] {
		if want := calls[2*i]; row[at["id"]] != want.ID.String() || row[at["caller"]] != want.Caller || row[at["start (UTC)"]] != want.Start.String() {
			t.Fatalf("row %d: %q, want %+v", i, row, want)
		}
	}
	if got := a.header.Get("Content-Disposition"); !strings.Contains(got, ".csv") {
		t.Errorf("Content-Disposition %q", got)
	}

	a = c.get("/calls.csv?" + where("status:200") + "&columns=caller,answer,start&zone=Asia/Kolkata&limit=1200")
	rows, err = csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 1151 || strings.Join(rows[0], "|") != "caller|answer (Asia/Kolkata)|start (Asia/Kolkata)" || !strings.HasSuffix(rows[1][2], "+05:30") {
		t.Errorf("%d rows, head %q, %v", len(rows), rows[0], err)
	}
	for limit, want := range map[int]int{3: 3, 1000: 1000, 1001: 1001, 5000: 2300} {
		if got := bytes.Count(c.get(fmt.Sprintf("/calls.csv?limit=%d", limit)).body, []byte("\n")); got != want+1 {
			t.Errorf("limit %d: %d lines, want %d and a head", limit, got, want)
		}
	}

	a = c.get("/calls.ndjson?" + where("status:201"))
	lines := 0
	for s := bufio.NewScanner(bytes.NewReader(a.body)); s.Scan(); lines++ {
		var got protocol.CDR
		if err := json.Unmarshal(s.Bytes(), &got); err != nil || got.ID != calls[2*lines+1].ID || len(got.Messages) != 0 {
			t.Fatalf("line %d: %s, %v", lines, s.Bytes(), err)
		}
	}
	if lines != 1150 {
		t.Errorf("%d lines, want 1150", lines)
	}
	if a := c.get("/calls.csv?" + where("caller:nobody") + "&columns=id"); string(a.body) != "id\n" {
		t.Errorf("nothing found: %q, want the head", a.body)
	}

	open, done := w.audited(w.acme, auth.ActionExportOpen), w.audited(w.acme, auth.ActionExport)
	if len(open) != len(done) || len(done) != 8 || !strings.Contains(done[7].Detail, "1150 calls as csv of where=status:200") || done[7].Bytes == 0 {
		t.Errorf("audit: %d opened, %d done, %+v", len(open), len(done), done)
	}
}

func TestAnExportThatIsNotAllowedOrNotUnderstoodSaysSo(t *testing.T) {
	w := newWorld(t)
	c := w.as("user")
	for path, want := range map[string]int{
		"/calls.csv?columns=callers": 400, "/calls.csv?columns=streams": 400, "/calls.csv?columns=id,id": 400, "/calls.csv?zone=Local": 400, "/calls.csv?zone=Nowhere": 400,
		"/calls.csv?zone=../../etc/passwd": 400, "/calls.csv?after=1": 400, "/calls.csv?limit=0": 400, "/calls.ndjson?columns=id": 400, "/calls.ndjson?zone=UTC": 400, "/calls.csv?status=1": 400,
		"/calls.csv?zone=UTC&zone=UTC": 400, "/calls.csv?" + where("mos<"): 422, "/calls.ndjson?" + where("mos<"): 422, "/calls.csv?" + where("mos<2"): 200,
	} {
		if a := c.get(path); a.status != want {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.body, want)
		}
	}
	if a := w.as("viewer").get("/calls.csv"); a.status != http.StatusForbidden || !strings.Contains(string(a.body), "export") {
		t.Errorf("a viewer: %d %s", a.status, a.body)
	}
	if log := w.audited(w.acme, auth.ActionExportOpen); len(log) != 1 {
		t.Errorf("%d entries in the audit log, want that of the one that was served", len(log))
	}
}

// The records of an export go through: what hosted holds does not grow with their number.
func TestAnExportNeedsNoMoreMemoryForMoreCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("stores 20,000 calls")
	}
	w := newWorld(t)
	const batches, size = 40, 500
	for i := range batches {
		b := store.Batch{Tenant: w.acme, Sensor: w.s1.uuid, Epoch: 1, First: uint64(i * size)}
		for j := range size {
			c := w.call(1, func(c *protocol.CDR) {
				c.Start -= protocol.Time(i*size+j) * 1000
				c.UACaller = strings.Repeat("x", 2000)
			})
			c.ID[13] = byte(w.made >> 16)
			b.CDRs = append(b.CDRs, c)
		}
		_, err := w.store.AppendCDRs(t.Context(), b, w.now())
		w.ok(err)
	}
	c := w.as("user")
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/api/v1/calls.ndjson", nil)
	w.ok(err)
	res, err := c.http.Do(req)
	w.ok(err)
	defer res.Body.Close()
	r := bufio.NewReaderSize(res.Body, 64<<10)
	var before, most uint64
	for i := 0; ; i++ {
		if _, err := r.ReadSlice('\n'); err != nil {
			if i != batches*size {
				t.Fatalf("%d records, %v", i, err)
			}
			break
		}
		if i%2500 == 2499 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if before == 0 {
				before = m.HeapAlloc
			}
			most = max(most, m.HeapAlloc)
		}
	}
	if most > before+(16<<20) { // all records are 45 MB
		t.Errorf("the heap grew from %d to %d MB", before>>20, most>>20)
	}
}

func TestAReaderThatGoesEndsTheExport(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.CDR
	for i := range 3000 {
		calls = append(calls, w.call(1, func(c *protocol.CDR) {
			c.Start -= protocol.Time(i) * 1000
			c.UACaller = strings.Repeat("x", 4000)
		}))
	}
	for i := range 6 {
		w.stored(w.acme, w.s1.uuid, calls[i*500:(i+1)*500]...)
	}
	c := w.as("user")
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/api/v1/calls.ndjson", nil)
	w.ok(err)
	res, err := c.http.Do(req)
	w.ok(err)
	if _, err := res.Body.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	deadline := time.Now().Add(20 * time.Second)
	for len(w.audited(w.acme, auth.ActionExport)) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the export goes on for nobody")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if done := w.audited(w.acme, auth.ActionExport); done[0].Bytes > 11<<20 {
		t.Errorf("%d bytes went to nobody", done[0].Bytes)
	}
}
