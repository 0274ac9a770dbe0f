package protocol_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// may says what each part of the house may import of the house, by the longest prefix; std: no libraries but the standard one.
// Imports point one way (docs/architecture.md); a part that is not listed must be.
var may = map[string]struct {
	own []string
	std bool
}{
	"protocol":           {},
	"protocol/calltable": {own: []string{"protocol"}},
	"protocol/link":      {own: []string{"protocol"}},
	"protocol/mask":      {own: []string{"protocol"}},
	"protocol/mcp":       {own: []string{"protocol"}},
	"protocol/sensorapi": {own: []string{"protocol"}},
	"rules":              {own: []string{"protocol"}},

	"sensord":                   {own: []string{"protocol", "rules", "sensord"}},
	"sensord/internal/lines":    {},
	"sensord/internal/sip":      {own: []string{"sensord/internal/lines"}, std: true},
	"sensord/internal/sdp":      {own: []string{"sensord/internal/lines"}, std: true},
	"sensord/internal/rtp":      {std: true},
	"sensord/internal/turn":     {std: true},
	"sensord/internal/quality":  {std: true},
	"sensord/internal/pcapng":   {std: true},
	"sensord/internal/g711":     {std: true},
	"sensord/internal/prefetch": {std: true},
	"sensord/internal/tone":     {own: []string{"sensord/internal/g711"}, std: true},
	"sensord/internal/bpf":      {own: []string{"rules"}},
	"sensord/internal/capture":  {own: []string{"sensord/internal/bpf"}},
	"sensord/internal/decode":   {own: []string{"sensord/internal/capture", "sensord/internal/prefetch"}},
	"sensord/internal/tlsdec":   {own: []string{"sensord/internal/decode"}},
	"sensord/internal/hep":      {own: []string{"sensord/internal/capture", "sensord/internal/decode", "sensord/internal/rtp"}},
	"sensord/internal/diagnose": {own: []string{"protocol"}, std: true},
	"sensord/internal/transact": {own: []string{"protocol", "sensord/internal/decode", "sensord/internal/sip"}, std: true},
	"sensord/internal/journal":  {own: []string{"protocol"}},
	"sensord/internal/direct":   {own: []string{"protocol"}},
	"sensord/internal/uplink":   {own: []string{"protocol", "sensord/internal/journal"}},

	"hosted":                  {own: []string{"protocol", "rules", "hosted"}},
	"hosted/internal/store":   {own: []string{"protocol", "rules", "hosted/internal/store"}},
	"hosted/internal/search":  {own: []string{"protocol", "rules", "hosted/internal/store"}},
	"hosted/internal/auth":    {own: []string{"protocol", "hosted/internal/store"}},
	"hosted/internal/oidc":    {own: []string{"protocol", "hosted/internal/store", "hosted/internal/auth"}},
	"hosted/internal/alert":   {own: []string{"protocol", "rules", "hosted/internal/store"}, std: true},
	"hosted/internal/notify":  {own: []string{"protocol", "hosted/internal/alert"}, std: true},
	"hosted/internal/relay":   {own: []string{"protocol"}},
	"hosted/internal/lobby":   {},
	"hosted/internal/sensors": {own: []string{"protocol", "hosted/internal/store", "hosted/internal/relay", "hosted/internal/lobby"}},
	"hosted/internal/cluster": {own: []string{"protocol", "hosted/internal/store", "hosted/internal/relay", "hosted/internal/sensors"}},
	"hosted/internal/alert/watch": {own: []string{
		"protocol", "rules", "hosted/internal/store", "hosted/internal/search", "hosted/internal/alert", "hosted/internal/notify",
	}},
	"hosted/internal/httpapi": {own: []string{ // who is online, and where, comes through interfaces of its own
		"protocol", "rules", "hosted/internal/store", "hosted/internal/search", "hosted/internal/auth", "hosted/internal/oidc", "hosted/internal/relay", "hosted/internal/alert",
	}},

	"tui":                 {own: []string{"protocol", "rules", "sensord/analyze", "sensord/conf", "tui"}},
	"tui/doctor/nft":      {std: true},
	"tui/internal/early":  {std: true},
	"tui/internal/edit":   {std: true},
	"tui/internal/plural": {std: true},
	"tui/internal/prefs":  {std: true},
	"tui/internal/sipmsg": {std: true},

	"fixtures": {own: []string{"fixtures", "protocol"}},
}

// only says where a library may be imported.
var only = map[string][]string{
	"github.com/google/gopacket":           {"sensord/internal/capture", "sensord/internal/decode", "sensord/internal/spool"},
	"github.com/gorilla/mux":               {"hosted"},
	"github.com/lib/pq":                    {"hosted"},
	"github.com/nats-io":                   {"hosted"},
	"github.com/charmbracelet":             {"tui"},
	"modernc.org/sqlite":                   {"hosted"},
	"github.com/pion/opus":                 {"sensord/internal/audio"},
	"github.com/pion/srtp":                 {"sensord/internal/audio"},
	"github.com/pion/webrtc":               {"sensord/internal/direct"},
	"github.com/pion/ice":                  {"sensord/internal/direct"},
	"github.com/modelcontextprotocol":      {"protocol/mcp"},
	"github.com/coreos/go-oidc":            {"hosted/internal/oidc"},
	"golang.org/x/crypto/chacha20poly1305": {"sensord/internal/tlsdec"},
	"golang.org/x/net/http2":               {"protocol/link", "sensord/internal/uplink", "hosted/internal/sensors", "hosted/internal/relay"},
}

func within(pkg, part string) bool { return pkg == part || strings.HasPrefix(pkg, part+"/") }

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Standard}}{{range .Imports}} {{.}}{{end}}`, "voiptop/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		f := strings.Fields(line)
		pkg := strings.TrimPrefix(f[0], "voiptop/")
		part := ""
		for p := range may {
			if within(pkg, p) && len(p) > len(part) {
				part = p
			}
		}
		if part == "" {
			t.Errorf("%s: no rule says what it may import; add one here and to docs/architecture.md", pkg)
			continue
		}
		for _, imp := range f[2:] {
			own, isOwn := strings.CutPrefix(imp, "voiptop/")
			allowed := true
			if isOwn {
				allowed = false
				for _, a := range may[part].own {
					allowed = allowed || within(own, a)
				}
			} else if may[part].std {
				allowed = !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
			}
			if !allowed {
				t.Errorf("%s imports %s; %s may import %v", pkg, imp, part, may[part].own)
			}
			for lib, parts := range only {
				if !within(imp, lib) {
					continue
				}
				ok := false
				for _, p := range parts {
					ok = ok || within(pkg, p)
				}
				if !ok {
					t.Errorf("%s imports %s, which stays in %v", pkg, imp, parts)
				}
			}
		}
	}
}

func TestTheMapNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", "voiptop/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, doc, _ := strings.Cut(strings.TrimPrefix(strings.TrimRight(line, "\n"), "voiptop/"), "\t")
		if doc == "" {
			t.Errorf("%s has no package comment", pkg)
		}
		if !strings.Contains(string(text), "`"+pkg+"`") {
			t.Errorf("docs/architecture.md does not name %s", pkg)
		}
	}
}

func TestSensorAndHostedNeverMeet(t *testing.T) {
	for _, pair := range [][2]string{{"voiptop/sensord/...", "voiptop/hosted"}, {"voiptop/hosted/...", "voiptop/sensord"}} {
		out, err := exec.Command("go", "list", "-deps", pair[0]).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range strings.Fields(string(out)) {
			if within(p, pair[1]) {
				t.Errorf("%s depends on %s", pair[0], p)
			}
		}
	}
}
