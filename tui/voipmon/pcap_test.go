package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const capturedCall = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"

func TestPcapSavesOneCallOfACapture(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), []string{"analyze", "--csv", "-q", capturedCall}, nil, &stdout, &stderr); status != 0 {
		t.Fatalf("analyze: status %d: %s", status, &stderr)
	}
	lines := strings.Split(stdout.String(), "\n")
	id := ""
	for i, title := range strings.Split(lines[0], ",") {
		if title == "call_id" {
			id = strings.Split(lines[1], ",")[i]
		}
	}
	out := filepath.Join(t.TempDir(), "call.pcapng")
	stderr.Reset()
	if status := Main(t.Context(), []string{"pcap", id, "-r", capturedCall, "-o", out}, nil, &stdout, &stderr); status != 0 {
		t.Fatalf("pcap: status %d: %s", status, &stderr)
	}
	var again, first bytes.Buffer
	Main(t.Context(), []string{"analyze", "--json", "-q", out}, nil, &again, &stderr)
	Main(t.Context(), []string{"analyze", "--json", "-q", capturedCall}, nil, &first, &stderr)
	want := ""
	for _, l := range strings.Split(first.String(), "\n") {
		if strings.Contains(l, `"call_id":"`+id+`"`) {
			want = l
		}
	}
	if got := strings.TrimSpace(again.String()); got != want || want == "" {
		t.Errorf("the saved call is\n%s\nwant\n%s", got, want)
	}
}

func TestPcapOfAnUnknownCallLeavesTheFileThatWasThere(t *testing.T) {
	out := filepath.Join(t.TempDir(), "call.pcapng")
	if err := os.WriteFile(out, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), []string{"pcap", "nobody", "-r", capturedCall, "-o", out}, nil, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "nobody") {
		t.Errorf("status %d, %s", status, &stderr)
	}
	if b, _ := os.ReadFile(out); string(b) != "before" {
		t.Errorf("the file holds %q", b)
	}
	if list, _ := filepath.Glob(out + ".part"); list != nil {
		t.Errorf("%v is left", list)
	}
}

func TestPcapWithoutASensorCouldNotAsk(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), []string{"pcap", "x", "--sensor", filepath.Join(t.TempDir(), "s")}, nil, &stdout, &stderr); status != 2 ||
		!strings.Contains(stderr.String(), "no sensor listens") {
		t.Errorf("status %d, %s", status, &stderr)
	}
}

func TestPcapOfAGroupWantsWhoKnowsTheGroup(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), []string{"pcap", "x", "--group", "-r", capturedCall}, nil, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "by group") {
		t.Errorf("status %d, %s", status, &stderr)
	}
}
