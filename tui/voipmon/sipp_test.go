package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
)

func TestSIPpSavesScenariosAndVoiceOfACall(t *testing.T) {
	const capture = "../../fixtures/pcap/sipp-answered-pcmu/in.pcap"
	out := filepath.Join(t.TempDir(), "call")
	status, _, errs := voipmonRun(t, "sipp", firstCall(t, capture), "-r", capture, "-o", out)
	if status != 0 || !strings.Contains(errs, "5 files saved") {
		t.Fatalf("status %d: %s", status, errs)
	}
	for name, want := range map[string]string{"uac.xml": "INVITE sip:", "uas.xml": `<recv request="INVITE"`, "uac.pcap": "\xd4\xc3\xb2\xa1", "uas.pcap": "\xd4\xc3\xb2\xa1", "README.txt": "sipp -sf uac.xml"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, %d bytes without %q", name, err, len(b), want)
		}
	}
	if status, _, errs := voipmonRun(t, "sipp", firstCall(t, capture), "-r", capture, "-o", out); status != 2 || !strings.Contains(errs, "-o names another folder") {
		t.Errorf("into the same folder: status %d: %s", status, errs)
	}
	if status, _, errs := voipmonRun(t, "sipp", "nobody@nowhere", "-r", capture, "-o", out+"2"); status != 1 || !strings.Contains(errs, protocol.CodeNotFound) {
		t.Errorf("of no call: status %d: %s", status, errs)
	}
}
