package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/fixtures"
)

const tlsCalls = "../../fixtures/pcap/baresip-tls/in.pcapng"

func TestAnalyzeDecryptsWithAKeyLog(t *testing.T) {
	capture, keylog := fixtures.WithoutSecrets(t, tlsCalls)
	whole := runAnalyze(nil, "--json", tlsCalls)
	if with := runAnalyze(nil, "--json", "--keylog", keylog, capture); with.status != 0 || with.out != whole.out || len(with.records(t)) != 2 {
		t.Errorf("status %d, %q, %d bytes; with the secrets in the capture %d bytes", with.status, with.errOut, len(with.out), len(whole.out))
	}
	if without := runAnalyze(nil, "--json", capture); without.out != "" || !strings.Contains(without.errOut, "4  tls.streams\n") {
		t.Errorf("without the key log: %q, %q", without.out, without.errOut)
	}
	if missing := runAnalyze(nil, "--keylog", keylog+".none", capture); missing.status != 1 || !strings.Contains(missing.errOut, "read key log") {
		t.Errorf("status %d, %q", missing.status, missing.errOut)
	}
}

func TestACallIsSavedOutOfACaptureWithAKeyLog(t *testing.T) {
	capture, keylog := fixtures.WithoutSecrets(t, tlsCalls)
	id := runAnalyze(nil, "--json", tlsCalls).records(t)[0].CallID
	for _, command := range []string{"pcap", "audio"} {
		out := filepath.Join(t.TempDir(), "out")
		var stdout, stderr bytes.Buffer
		if status := Main(t.Context(), []string{command, id, "-r", capture, "--keylog", keylog, "-o", out}, nil, &stdout, &stderr); status != 0 {
			t.Errorf("%s: status %d, %s", command, status, &stderr)
		}
		if status := Main(t.Context(), []string{command, id, "-r", capture, "-o", out}, nil, &stdout, &stderr); status != 1 {
			t.Errorf("%s without the key log: status %d, %s", command, status, &stderr)
		}
	}
}
