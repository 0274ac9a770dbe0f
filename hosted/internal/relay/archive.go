package relay

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Archive writes a zip of captures as they come from the sensors: without compression (captures are sent as they are, and
// the CPU is others'), without a temporary file, sizes and checksums behind each file (data descriptors) and in the
// directory at the end, with 64 bits where they need it.
type Archive struct {
	z     *zip.Writer
	index [][]string
}

// IndexName is the file at the end of an archive that names every call.
const IndexName = "index.csv"

var indexHeader = []string{"id", "call_id", "group_id", "sensor", "caller", "callee", "start", "result", "bytes", "file", "rule", "detail"}

// NewArchive makes an archive that goes to w.
func NewArchive(w io.Writer) *Archive {
	return &Archive{z: zip.NewWriter(w), index: [][]string{indexHeader}}
}

// Results of a call in the index, beside the codes of problems.
const (
	included   = "included"
	incomplete = "incomplete" // the sensor broke off: the file ends early
	notKept    = "not-kept"
	expired    = "expired"
	offline    = "offline"
)

// short are the results of the problems that are usual.
var short = map[string]string{
	protocol.CodeCaptureNotKept: notKept, protocol.CodeCaptureExpired: expired, protocol.CodeSensorOffline: offline,
}

// Refuse names a call in the index whose packets cannot be had.
func (a *Archive) Refuse(c *protocol.CDR, p *protocol.Problem) {
	result := short[p.Code]
	if result == "" {
		result = p.Code
	}
	detail := p.Title
	if p.Detail != "" {
		detail += ": " + p.Detail
	}
	a.list(c, "", 0, result, detail)
}

func (a *Archive) list(c *protocol.CDR, file string, bytes int64, result, detail string) {
	a.index = append(a.index, []string{
		c.ID.String(), text(c.CallID), text(c.GroupID), strconv.Itoa(int(c.SensorID)), text(c.Caller), text(c.Callee), c.Start.String(),
		result, strconv.FormatInt(bytes, 10), file, text(c.Rule), text(detail),
	})
}

// Close writes the index and the directory. An archive that is not closed is broken, so that nobody takes it for whole.
func (a *Archive) Close(now time.Time) error {
	w, err := a.create(IndexName, now)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(w).WriteAll(a.index); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	if err := a.z.Close(); err != nil {
		return fmt.Errorf("end archive: %w", err)
	}
	return nil
}

func (a *Archive) create(name string, t time.Time) (io.Writer, error) {
	w, err := a.z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: t.UTC()})
	if err != nil {
		return nil, fmt.Errorf("begin %s in archive: %w", name, err)
	}
	return w, nil
}

// Part is the ResponseWriter that takes one sensor's answer: the body of a success becomes a file of the archive, a problem
// is kept. The answer may come before it is the part's turn; then it waits, and what is on its way waits in the window of its
// HTTP/2 stream.
type Part struct {
	archive *Archive
	name    string
	start   time.Time
	turn    chan struct{} // closed when it may write
	gone    <-chan struct{}

	header  http.Header
	status  int
	file    io.Writer
	bytes   int64
	problem bytes.Buffer // the body of an answer that is no success
	broken  bool         // the answer
	err     error        // the archive cannot be written to
}

// Part makes a part; name is its file's. Turn must be called before it can write; after gone is closed it cannot.
func (a *Archive) Part(name string, start time.Time, gone <-chan struct{}) *Part {
	return &Part{archive: a, name: name, start: start, turn: make(chan struct{}), gone: gone, header: http.Header{}}
}

// Turn lets p write: everything before it is in the archive.
func (p *Part) Turn() { close(p.turn) }

// Header implements http.ResponseWriter.
func (p *Part) Header() http.Header { return p.header }

var errGone = errors.New("nobody waits for the archive any more")

// WriteHeader implements http.ResponseWriter.
func (p *Part) WriteHeader(status int) {
	if p.status != 0 || status < 200 {
		return
	}
	select {
	case <-p.turn:
	case <-p.gone:
		p.err = errGone
	}
	if p.status = status; status == http.StatusOK && p.err == nil {
		p.file, p.err = p.archive.create(p.name, p.start)
	}
}

// maxProblem bounds what of a problem is read.
const maxProblem = 64 << 10

// Write implements http.ResponseWriter.
func (p *Part) Write(b []byte) (n int, err error) {
	p.WriteHeader(http.StatusOK)
	switch {
	case p.err != nil:
		return 0, p.err
	case p.file == nil:
		p.problem.Write(b[:min(len(b), maxProblem-p.problem.Len())])
		return len(b), nil
	}
	n, p.err = p.file.Write(b)
	p.bytes += int64(n)
	return n, p.err
}

// Bytes is how long the file is.
func (p *Part) Bytes() int64 { return p.bytes }

// Begun reports whether the part has a file in the archive.
func (p *Part) Begun() bool { return p.file != nil }

// List names the call of the part in the index, after the sensor has answered. The error is why the archive cannot go on.
func (p *Part) List(c *protocol.CDR) error {
	switch want, err := strconv.ParseInt(p.header.Get("Content-Length"), 10, 64); {
	case p.err != nil:
		return p.err
	case p.file == nil:
		p.archive.Refuse(c, p.refusal())
	case p.broken, err == nil && p.bytes != want:
		p.archive.list(c, p.name, p.bytes, incomplete, "the sensor broke off")
	default:
		p.archive.list(c, p.name, p.bytes, included, "")
	}
	return nil
}

// Broken says that the sensor's answer did not end as it should.
func (p *Part) Broken() { p.broken = true }

// refusal is the problem that the sensor sent instead of packets.
func (p *Part) refusal() *protocol.Problem {
	var refusal *protocol.Problem
	res := &http.Response{StatusCode: p.status, Status: strconv.Itoa(p.status), Body: io.NopCloser(bytes.NewReader(p.problem.Bytes()))}
	if p.status == 0 || !errors.As(sensorapi.ReadProblem(res), &refusal) {
		refusal = Offline("it did not answer")
	}
	return refusal
}

// text makes what came from the wire harmless in a spreadsheet, which takes a cell that begins like a formula for one.
// A telephone number is none.
func text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if s == "" || !strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return s
	}
	if s[0] == '+' && len(s) > 1 && strings.Trim(s[1:], "0123456789") == "" {
		return s
	}
	return "'" + s
}
