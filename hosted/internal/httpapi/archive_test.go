package httpapi_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/relay"
	"voiptop/protocol"
)

// archive is a zip as somebody who downloaded it finds it.
type archive struct {
	files map[string][]byte
	index map[string]map[string]string // by the call's id
}

func openArchive(t *testing.T, b []byte) archive {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	a := archive{files: map[string][]byte{}, index: map[string]map[string]string{}}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r) // checks the CRC
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if _, twice := a.files[f.Name]; twice || f.Method != zip.Store {
			t.Errorf("%s: twice %v, method %d", f.Name, twice, f.Method)
		}
		a.files[f.Name] = content
	}
	if last := z.File[len(z.File)-1].Name; last != relay.IndexName {
		t.Errorf("the last file is %s", last)
	}
	rows, err := csv.NewReader(bytes.NewReader(a.files[relay.IndexName])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		named := map[string]string{}
		for i, v := range row {
			named[rows[0][i]] = v
		}
		a.index[named["id"]] = named
	}
	return a
}

// wantRow checks what the index says of a call.
func (a archive) wantRow(t *testing.T, c *protocol.CDR, want map[string]string) {
	t.Helper()
	row := a.index[c.ID.String()]
	for k, v := range want {
		if row[k] != v {
			t.Errorf("call %s: %s is %q, want %q: %v", c.ID, k, row[k], v, row)
		}
	}
}

func TestASearchIsDownloadedAsAZipThatSaysWhatIsMissingAndWhy(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.CDR
	for i := range 40 { // more than are asked for ahead, of two sensors, of many sizes
		c := w.call(uint16(1+i%2), rtp)
		c.Caller, c.Callee, c.Capture.Bytes = "+420 123/..", "1002", uint64(i*i*100)
		calls = append(calls, c)
		of := w.s1
		if i%2 == 1 {
			of = w.s2
		}
		of.captures[c.ID.String()] = bytes.Repeat([]byte{byte(i)}, i*i*100)
		w.stored(w.acme, of.uuid, c)
	}
	none := w.call(1, func(c *protocol.CDR) {
		c.Rule, c.Capture.Kept, c.Caller = "no voice", protocol.KeepNone, "=HYPERLINK(1)"
	})
	unruled := w.call(1, nil)
	expired, sleeping, orphan, off, cut := w.call(1, rtp), w.call(3, rtp), w.call(77, rtp), w.call(2, rtp), w.call(1, rtp)
	w.s2.refuses[off.ID.String()] = &protocol.Problem{Code: protocol.CodeSwitchedOff, Status: 403, Title: "not from here"}
	w.s1.captures[cut.ID.String()], w.s1.breaks[cut.ID.String()] = bytes.Repeat([]byte("cut"), 10_000), true
	w.stored(w.acme, w.s1.uuid, none, unruled, expired, sleeping, orphan, off, cut)
	theirs := w.call(1, rtp)
	w.stored(w.other, w.theirs.uuid, theirs)
	w.theirs.captures[theirs.ID.String()] = []byte("packets of another tenant")

	c := w.as("user")
	a := c.get("/captures")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/zip" || a.header.Get("X-Total-Calls") != "47" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if name := a.header.Get("Content-Disposition"); !regexp.MustCompile(`^attachment; filename=captures-\d{8}-\d{6}\.zip$`).MatchString(name) {
		t.Errorf("disposition %q", name)
	}
	if n, err := strconv.Atoi(a.header.Get("X-Total-Bytes")); err != nil || n < len(a.body)*3/4 || n > len(a.body)*5/4 {
		t.Errorf("%s bytes were foretold, %d came", a.header.Get("X-Total-Bytes"), len(a.body))
	}
	got := openArchive(t, a.body)
	if len(got.index) != 47 || len(got.files) != 42 {
		t.Errorf("%d calls in the index, %d files", len(got.index), len(got.files))
	}
	for i := range calls {
		file := got.index[calls[i].ID.String()]["file"]
		if want := calls[i].Start.Std().Format("20060102-150405") + "_+420123_1002_" + calls[i].ID.String() + ".pcapng"; file != want {
			t.Errorf("call %d is in %q, want %q", i, file, want)
		}
		if b := got.files[file]; !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, i*i*100)) {
			t.Errorf("call %d: %d bytes that are not its capture", i, len(b))
		}
		got.wantRow(t, &calls[i], map[string]string{
			"result": "included", "bytes": fmt.Sprint(i * i * 100), "caller": "'+420 123/..", "callee": "1002", "call_id": calls[i].CallID,
			"sensor": fmt.Sprint(1 + i%2), "start": calls[i].Start.String(), "rule": "all",
		})
	}
	got.wantRow(t, &none, map[string]string{"result": "not-kept", "rule": "no voice", "file": "", "bytes": "0", "caller": "'=HYPERLINK(1)"})
	got.wantRow(t, &unruled, map[string]string{"result": "not-kept", "rule": ""})
	got.wantRow(t, &expired, map[string]string{"result": "expired"})
	got.wantRow(t, &orphan, map[string]string{"result": "expired"})
	got.wantRow(t, &sleeping, map[string]string{"result": "offline"})
	got.wantRow(t, &off, map[string]string{"result": "switched-off", "detail": "not from here"})
	got.wantRow(t, &cut, map[string]string{"result": "incomplete", "bytes": "15000"})
	if bytes.Contains(a.body, []byte("another tenant")) {
		t.Error("another tenant's packets are in the zip")
	}

	opened, done := map[string]bool{}, map[string]int64{}
	w.eventually("all is audited", func() bool { return len(w.audited(w.acme, auth.ActionCapture)) == 41 })
	for _, e := range w.audited(w.acme, auth.ActionCaptureOpen) {
		opened[e.Object] = e.User == "user" && e.Detail == "zip of 47 calls"
	}
	for _, e := range w.audited(w.acme, auth.ActionCapture) {
		done[e.Object] = e.Bytes
	}
	for i := range calls {
		if id := calls[i].ID.String(); !opened[id] || done[id] != int64(i*i*100) {
			t.Errorf("call %d: opened %v, %d bytes are audited", i, opened[id], done[id])
		}
	}
	theUnzipOfOthers(t, a.body)
}

// theUnzipOfOthers opens the zip with programs that users have.
func theUnzipOfOthers(t *testing.T, b []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"unzip", "-tq", path}, {"python3", "-m", "zipfile", "-t", path}, {"7z", "t", path}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil || bytes.Contains(out, []byte("corrupt")) {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
}

func TestAZipHasTheCallsThatTheSearchFindsAndNoMoreThanOneMayHave(t *testing.T) {
	w := newWorld(t, limited(4, 4)) // five calls in a zip
	var calls []protocol.CDR
	for i := range 6 {
		c := w.call(1, func(c *protocol.CDR) { rtp(c); c.Caller, c.Start = fmt.Sprint("10", i), c.Start+protocol.Time(i) })
		w.s1.captures[c.ID.String()] = []byte("packets")
		calls = append(calls, c)
	}
	w.stored(w.acme, w.s1.uuid, calls...)
	c := w.as("user")
	for query, want := range map[string][]int{"number=103": {3}, "limit=2": {5, 4}, "limit=5": {5, 4, 3, 2, 1}, "to=" + url.QueryEscape(calls[2].Start.String()): {1, 0}} {
		a := c.get("/captures?" + query)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, a.status, a.body)
		}
		got := openArchive(t, a.body)
		if len(got.index) != len(want) {
			t.Errorf("%s: %d calls, want %d", query, len(got.index), len(want))
		}
		for _, i := range want {
			got.wantRow(t, &calls[i], map[string]string{"result": "included"})
		}
	}
	for query, want := range map[string]struct {
		status int
		code   string
	}{
		"": {422, "too-many-calls"}, "limit=6": {422, "too-many-calls"}, "number=nobody": {404, protocol.CodeNotFound}, "caller=1": {400, protocol.CodeBadRequest},
		"limit=": {422, "too-many-calls"},
	} {
		a := c.get("/captures?" + query)
		var p protocol.Problem
		a.into(t, &p)
		if a.status != want.status || p.Code != want.code || p.Code == "too-many-calls" && !strings.Contains(p.Remedy, "limit=5") {
			t.Errorf("%q: %d %s, want %d %s", query, a.status, a.body, want.status, want.code)
		}
	}
	head, err := http.NewRequest("HEAD", w.url+httpapi.Prefix+"/captures?number=103", nil)
	w.ok(err)
	before := len(w.s1.asked)
	if a := c.send(head); a.status != http.StatusOK || a.header.Get("X-Total-Calls") != "1" || a.header.Get("X-Total-Bytes") == "" || len(w.s1.asked) != before {
		t.Errorf("HEAD: %d %v, the sensor was asked %v", a.status, a.header, w.s1.asked[before:])
	}
}

func TestAZipThatNobodyWaitsForIsGivenUp(t *testing.T) {
	w := newWorld(t)
	for range 30 {
		c := w.call(1, rtp)
		w.s1.captures[c.ID.String()] = bytes.Repeat([]byte("x"), 16<<20)
		w.stored(w.acme, w.s1.uuid, c)
	}
	c := w.as("user")
	req, err := http.NewRequest("GET", w.url+httpapi.Prefix+"/captures", nil)
	w.ok(err)
	res, err := c.http.Do(req)
	w.ok(err)
	_, err = io.ReadFull(res.Body, make([]byte, 20<<20)) // the second call's packets
	w.ok(err)
	res.Body.Close()
	w.eventually("what went out is audited", func() bool { return len(w.audited(w.acme, auth.ActionCapture)) >= 2 })
	if n := len(w.audited(w.acme, auth.ActionCaptureOpen)); n > 8 {
		t.Errorf("%d captures were asked for, of which the browser took two", n)
	}
}

func TestAGroupIsMergedByItsSensorOrComesWithOneFileOfEach(t *testing.T) {
	w := newWorld(t)
	first := w.call(1, rtp)
	first.GroupID = first.ID.String()
	second := w.call(1, func(c *protocol.CDR) { rtp(c); c.GroupID = first.GroupID })
	bare := w.call(1, func(c *protocol.CDR) { c.GroupID = first.GroupID })
	w.stored(w.acme, w.s1.uuid, first, second, bare)
	w.s1.merged[first.ID.String()], w.s1.merged[second.ID.String()] = []byte("merged"), []byte("merged")
	c := w.as("user")
	for _, call := range []protocol.CDR{first, second, bare} { // also when nothing was kept of the one that is asked for
		a := c.get("/calls/" + call.ID.String() + "/capture?group=1")
		if a.status != http.StatusOK || string(a.body) != "merged" || a.header.Get("Content-Type") != "application/vnd.tcpdump.pcap" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	audited := map[string]int{}
	for _, e := range w.audited(w.acme, auth.ActionCaptureOpen) {
		audited[e.Object]++
	}
	if audited[first.ID.String()] != 3 || audited[second.ID.String()] != 3 || len(audited) != 2 {
		t.Errorf("audited %v, want each call whose packets went out", audited)
	}

	// The second leg passes another sensor, which has a group of its own.
	other := w.call(2, func(c *protocol.CDR) { rtp(c); c.CallID = second.CallID })
	other.GroupID = other.ID.String()
	further := w.call(2, func(c *protocol.CDR) { rtp(c); c.GroupID = other.GroupID })
	theirs := w.call(1, func(c *protocol.CDR) { rtp(c); c.CallID, c.GroupID = second.CallID, first.GroupID })
	w.stored(w.acme, w.s2.uuid, other, further)
	w.stored(w.other, w.theirs.uuid, theirs)
	w.s2.merged[other.ID.String()], w.s2.merged[further.ID.String()] = []byte("of the second"), []byte("of the second")
	a := c.get("/calls/" + first.ID.String() + "/capture?group=1")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := openArchive(t, a.body)
	texts := map[string]int{}
	for name, b := range got.files {
		if name != relay.IndexName {
			texts[string(b)]++
		}
	}
	if len(got.index) != 4 || a.header.Get("X-Total-Calls") != "4" {
		t.Errorf("%d calls in the index, %v", len(got.index), a.header)
	}
	for _, leg := range []protocol.CDR{first, second, other, further} {
		got.wantRow(t, &leg, map[string]string{"result": "included"})
	}
	if len(texts) != 2 || texts["merged"] != 1 || texts["of the second"] != 1 {
		t.Errorf("files %v", texts)
	}
	if len(w.theirs.asked) != 0 {
		t.Errorf("another tenant's sensor was asked %v", w.theirs.asked)
	}
	// The other leg came back to the first sensor, which could not join the two: what it merges are two files.
	back := w.call(1, func(c *protocol.CDR) { rtp(c); c.CallID = further.CallID })
	back.GroupID = back.ID.String()
	w.stored(w.acme, w.s1.uuid, back)
	w.s1.merged[back.ID.String()] = []byte("of the way back")
	if a := c.get("/calls/" + first.ID.String() + "/capture?group=1"); len(openArchive(t, a.body).files) != 4 {
		t.Errorf("%d %v", a.status, openArchive(t, a.body).files)
	}
	if a := c.get("/calls/" + first.ID.String() + "/capture?group=2"); a.status != http.StatusBadRequest {
		t.Errorf("group=2: %d", a.status)
	}
	lone := w.call(1, func(c *protocol.CDR) { c.Rule, c.Capture.Kept = "nothing", protocol.KeepNone })
	w.stored(w.acme, w.s1.uuid, lone)
	var p protocol.Problem
	if a := c.get("/calls/" + lone.ID.String() + "/capture?group=1"); a.status != http.StatusNotFound {
		t.Errorf("nothing kept: %d", a.status)
	} else if a.into(t, &p); p.Code != protocol.CodeCaptureNotKept || p.Fields["rule"] != "nothing" {
		t.Errorf("nothing kept: %s", a.body)
	}
}
