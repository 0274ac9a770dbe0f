package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"voiptop/fixtures"
	"voiptop/tui/source"
)

const tlsCalls = "../../fixtures/pcap/baresip-tls/in.pcapng"

func TestFileIsDecryptedWithAKeyLog(t *testing.T) {
	capture, keylog := fixtures.WithoutSecrets(t, tlsCalls)
	for path, want := range map[string]int{keylog: 2, "": 0} {
		s, err := source.Open(t.Context(), source.Options{Files: []string{capture}, KeyLog: path})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		calls, err := s.(*source.File).All(t.Context())
		if err != nil || len(calls) != want {
			t.Errorf("key log %q: %d calls, %v; want %d", path, len(calls), err, want)
		}
		for _, c := range calls {
			path := filepath.Join(t.TempDir(), "call.pcapng")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.(*source.File).Capture(t.Context(), c.CallID, f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := source.Open(t.Context(), source.Options{Files: []string{path}}) // in clear
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			list, err := again.(*source.File).All(t.Context())
			if err != nil || len(list) != 1 || len(list[0].Messages) != len(c.Messages) || len(list[0].Streams) != len(c.Streams) {
				t.Errorf("the saved call gives %d records, %v", len(list), err)
			}
		}
	}
	if _, err := source.Open(t.Context(), source.Options{Files: []string{capture}, KeyLog: keylog + ".none"}); err == nil {
		t.Error("a key log that is not there is no error")
	}
}
