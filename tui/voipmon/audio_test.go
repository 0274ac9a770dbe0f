package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

func TestAudioSavesWhatIsHeardInACapture(t *testing.T) {
	const spoken = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	id := firstCall(t, spoken)
	out := filepath.Join(t.TempDir(), "call.wav")
	var stdout, stderr bytes.Buffer
	if s := Main(t.Context(), []string{"audio", id, "-r", spoken, "-o", out}, nil, &stdout, &stderr); s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(b[:4]) != "RIFF" || binary.LittleEndian.Uint16(b[22:]) != 2 || binary.LittleEndian.Uint32(b[24:]) != 8000 {
		t.Errorf("the file begins with %q", b[:44])
	}
	if !strings.Contains(stderr.String(), "saved to") {
		t.Errorf("it says %q", stderr.String())
	}
	if _, err := os.Stat(out + ".part"); err == nil {
		t.Error("a part of a file is left")
	}
	if s := Main(t.Context(), []string{"audio", id, "-r", spoken, "-o", "-", "--side", "callee"}, nil, &stdout, &stderr); s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	if w := stdout.Bytes(); len(w) < 44 || binary.LittleEndian.Uint16(w[22:]) != 1 || len(w) >= len(b) {
		t.Errorf("one side has %d bytes, both have %d", len(w), len(b))
	}
}

func TestAudioSaysWhyThereIsNothingToBeHeard(t *testing.T) {
	const busy, spoken = "../../fixtures/pcap/sipp-busy/in.pcap", "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nobody spoke", []string{firstCall(t, busy), "-r", busy, "-o", "-"}, 1, protocol.CodeVoiceNotKept},
		{"no such call", []string{"nobody@nowhere", "-r", busy, "-o", "-"}, 1, protocol.CodeNotFound},
		{"no such side", []string{"x", "-r", spoken, "--side", "left"}, 2, "want both, caller or callee"},
		{"no such file", []string{"x", "-r", "nowhere.pcap"}, 2, "nowhere.pcap"},
		{"no such sensor", []string{"x", "--sensor", filepath.Join(t.TempDir(), "s"), "-o", "-"}, 2, protocol.CodeSensorOffline},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			s := Main(t.Context(), append([]string{"audio"}, c.args...), nil, &stdout, &stderr)
			if s != c.status || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("status %d, %q; want %d, %q", s, stderr.String(), c.status, c.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("%d bytes were written", stdout.Len())
			}
		})
	}
}

// firstCall answers the Call-ID of the first call in a capture.
func firstCall(t *testing.T, path string) string {
	t.Helper()
	calls, _, err := analyze.Files(t.Context(), []string{path}, nil, analyze.Config{})
	if err != nil || len(calls) == 0 {
		t.Fatalf("%s: %d calls, %v", path, len(calls), err)
	}
	return calls[0].CallID
}
