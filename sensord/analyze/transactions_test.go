package analyze

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

const registers = "../../fixtures/pcap/registers/in.pcap"

// outside is a TransactionSink.
type outside struct {
	discard
	list []*protocol.Transaction
}

func (o *outside) Transaction(r *protocol.Transaction) { o.list = append(o.list, r) }

func TestEveryRegistrationAndPingIsOneTransaction(t *testing.T) {
	for seed := range uint64(3) {
		var file bytes.Buffer
		truth, err := gen.Generate(&file, gen.Small(seed+1))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Open([]string{"-"}, &file)
		if err != nil {
			t.Fatal(err)
		}
		var registered, refused, pings int64
		sum, err := Transactions(context.Background(), src, Config{}, func(r *protocol.Transaction) error {
			switch {
			case r.Method == "OPTIONS" && r.Status == 200 && r.Count == 1 && r.Attempts == 1:
				pings++
			case r.Method == "REGISTER" && r.Status == 403 && r.Challenges == r.Count && r.Attempts == 2*r.Count:
				refused += int64(r.Count)
			case r.Method == "REGISTER" && r.Status == 200 && r.Challenges == 1 && *r.Expires == 300:
				registered++
			default:
				t.Errorf("unexpected: %+v", r)
			}
			if r.ResponseMS == nil || *r.ResponseMS <= 0 || *r.ResponseMS > 200 {
				t.Errorf("response time of %+v", r)
			}
			return nil
		})
		src.Close()
		if err != nil || registered != truth.Registers-truth.Refused || refused != truth.Refused || pings != truth.Pings || pings == 0 {
			t.Errorf("seed %d: %d registered, %d refused, %d pings, %v; want %d, %d, %d", seed, registered, refused, pings, err,
				truth.Registers-truth.Refused, truth.Refused, truth.Pings)
		}
		n := sum.Counters
		if int64(n["transactions.ok.REGISTER"]) != registered || int64(n["transactions.refused.REGISTER"]) != refused || int64(n["transactions.ok.OPTIONS"]) != pings {
			t.Errorf("counters %v", n)
		}
		if sum.Calls != uint64(len(truth.List)) {
			t.Errorf("%d calls beside the transactions, want %d", sum.Calls, len(truth.List))
		}
	}
}

func TestRecordedRegistrations(t *testing.T) {
	src, err := Open([]string{registers}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	sink := &outside{}
	e := New(Config{SensorID: 9}, sink)
	for p := (Packet{}); src.Next(&p) == nil; {
		e.Packet(&p)
	}
	list := e.Registrations(nil)
	protocol.SortRegistrations(list)
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprint(r.AOR, " ", r.State, " ", r.Status, " ", r.Failures, " ", r.UserAgent, " ", r.SensorID))
	}
	want := []string{
		"1029@example.net registered 200 0 Deskphone D120 2.8.1 9", "1030@example.net registered 200 0 Deskphone D120 2.8.1 9",
		"1031@example.net registered 200 0 Deskphone D120 2.8.1 9", "1032@example.net failing 403 1 Softphone 7.1 9",
		"1033@example.net failing 403 1 Softphone 7.1 9",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
	if len(sink.list) != 5 || sink.calls != nil {
		t.Fatalf("%d transactions, %d calls", len(sink.list), len(sink.calls))
	}
	e.Tick(e.Now() + 301e9)
	if r := e.Registrations(nil); r[0].State != protocol.RegistrationExpired {
		t.Errorf("after its time a registration is %s", r[0].State)
	}
}

// TestTsharkSeesTheSameTransactions takes the times of requests and responses from tshark.
func TestTsharkSeesTheSameTransactions(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("no tshark here")
	}
	out, err := exec.Command("tshark", "-r", registers, "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID", "-e", "frame.time_epoch", "-e", "sip.Status-Code").Output()
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		asked, answered float64
		requests        int
		status          string
	}
	theirs := map[string]*seen{}
	for l := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimRight(l, "\n"), "\t")
		if len(f) != 3 {
			t.Fatalf("tshark: %q", l)
		}
		s := theirs[f[0]]
		if s == nil {
			s = &seen{}
			theirs[f[0]] = s
		}
		at, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if f[2] == "" {
			s.asked = at
			s.requests++
		} else {
			s.answered, s.status = at, f[2]
		}
	}
	src, err := Open([]string{registers}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	n := 0
	_, err = Transactions(t.Context(), src, Config{}, func(r *protocol.Transaction) error {
		n++
		s := theirs[r.CallID]
		if s == nil || s.requests != r.Attempts || s.status != strconv.Itoa(r.Status) || math.Abs(1000*(s.answered-s.asked)-*r.ResponseMS) > 0.0015 {
			t.Errorf("tshark %+v, we %+v", s, r)
		}
		return nil
	})
	if err != nil || n != len(theirs) || n != 5 {
		t.Errorf("%d transactions, tshark has %d; %v", n, len(theirs), err)
	}
}

func TestTransactionsStopWhenNobodyTakesThem(t *testing.T) {
	src, err := Open([]string{registers}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	enough, n := errors.New("enough"), 0
	if _, err := Transactions(t.Context(), src, Config{}, func(*protocol.Transaction) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

// Requests inside of a call are the call's: its OPTIONS, INFO and NOTIFY are no transactions of their own.
func TestRequestsInsideOfACallAreNoTransactions(t *testing.T) {
	sink := &outside{}
	e := New(Config{}, sink)
	common := "Via: SIP/2.0/TCP x;branch=z9\r\nFrom: <sip:1001@a>;tag=1\r\nTo: <sip:1002@b>;tag=2\r\nContent-Length: 0\r\n"
	ping := "OPTIONS sip:1002@b SIP/2.0\r\n" + common + "CSeq: 2 OPTIONS\r\nCall-ID: "
	stream(e, 1, []byte("INVITE sip:1002@b SIP/2.0\r\n"+common+"CSeq: 1 INVITE\r\nCall-ID: in\r\n\r\n"), []byte(ping+"in\r\n\r\n"), []byte(ping+"out\r\n\r\n"))
	e.Close()
	if len(sink.list) != 1 || sink.list[0].CallID != "out" || sink.list[0].End != protocol.TransactionUnterminated {
		t.Errorf("got %+v", sink.list)
	}
}
