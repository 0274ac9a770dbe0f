package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestBundleHoldsNoSecret(t *testing.T) {
	w := newWorld(t)
	text := "id_sensor = 7\ncloud_token = vt1.hunter2\n#mysqlpassword = hunter2\nMySQL-Password=hunter2 ; mine\nserver_password: no\ncurlproxy = http://me:hunter2@proxy\n" +
		"state_dir = " + w.path("state") + "\napi_socket = " + w.path("sensord.sock") + "\n"
	if err := os.WriteFile(w.path("voipmonitor.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := w.path("bundle.tar.gz")
	if status, out, errs := w.doctor("--only", "service", "--bundle", file); status != 0 || !strings.Contains(out, "bundle: "+file) {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	files := untar(t, file)
	for name, b := range files {
		if strings.Contains(b, "hunter2") {
			t.Errorf("%s holds the secret:\n%s", name, b)
		}
	}
	if !strings.Contains(files["voipmon-doctor/voipmonitor.conf"], "id_sensor = 7\ncloud_token = [removed]") {
		t.Errorf("the configuration:\n%s", files["voipmon-doctor/voipmonitor.conf"])
	}
	for name, want := range map[string]string{"report.json": `"sensord-socket"`, "versions.txt": "voipmon ", "health.json": `"rtp.packets": 900`} {
		if !strings.Contains(files["voipmon-doctor/"+name], want) {
			t.Errorf("%s lacks %s:\n%s", name, want, files["voipmon-doctor/"+name])
		}
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", st.Mode(), err)
	}
	if status, _, errs := w.doctor("--only", "service", "--bundle", file); status != 2 || !strings.Contains(errs, "exists") {
		t.Errorf("a bundle that is there was written over: status %d %s", status, errs)
	}
}

func untar(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(b)
	}
}
