// Package conf reads a voipmonitor.conf: the file that users bring. It knows the keys of VoIPmonitor - those that mean
// something here are typed, the others are accepted with the reason why they are not needed - and the few of our own.
// sensord runs on a Config; voipmon doctor and voipmon pair read the same file.
//
// The format: lines of `key = value`, comments after # or ; , an optional [general] section. Files in voipmonitor/conf.d beside it are
// read after it. Keys may be repeated where they are lists (interface, sipport, server_destination). "-" and "_" in a key are the same,
// as is upper and lower case. docs/configuration.md lists every key.
package conf

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultPath is where the file is looked for.
const DefaultPath = "/etc/voipmonitor.conf"

// dropIns is the folder beside the file whose files are read after it, as VoIPmonitor does.
const dropIns = "voipmonitor/conf.d"

// DefaultPort is where hosted listens for sensors, TCP.
const DefaultPort = 60023

// httpsPort is where hosted may answer sensors, too: most firewalls let it pass.
const httpsPort = 443

// Ports of HEP, where Homer and its agents have them.
const (
	DefaultHEPPort    = 9060
	DefaultHEPTLSPort = 9061
)

// Secret is a value that is never printed: not in logs, not with %v, not in JSON.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Config is what the file says, with defaults where it says nothing.
type Config struct {
	Path string // the file; "" for defaults only

	SensorID uint16 // id_sensor, 1..65535; 0 when not set
	Name     string // sensor_name; "" means the host name

	Interfaces   []string // interface
	Promisc      bool     // promisc
	Filter       string   // filter, a pcap expression
	RingBufferMB int      // ringbuffer
	SIPPorts     []uint16 // sipport; empty: SIP is found by content on every port
	TLSKeyLog    string   // tls_keylog: a TLS key log that is followed; "" for none

	Servers        []string          // server_destination[:server_destination_port], host:port, in order of preference
	Alternatives   map[string]string // of Servers whose port is not written anywhere: the same host at port 443, where hosted may answer, too
	Proxy          *url.URL          // server_proxy, with its password: print Redacted; nil: none
	Fingerprint    string            // server_fingerprint, SHA-256 of hosted's CA certificate in hexadecimal; "" trusts the paired CA
	Token          Secret            // cloud_token
	CloudListen    bool              // cloud_listen: hosted may listen to kept calls
	CloudDownload  bool              // cloud_download: hosted may download captures
	DirectDownload Direct            // direct_download
	DirectPorts    [2]uint16         // direct_ports, the first and the last; 0: the system chooses
	SendPackets    bool              // packetbuffer_sender as written; results are sent, packets never
	SendPacketsAt  Place             // where that is written

	HEP         bool   // hep: listen for HEP
	HEPAddress  string // hep_bind_ip:hep_bind_port
	HEPUDP      bool   // hep_bind_udp; TCP is listened on in any case
	HEPKey      Secret // hep_auth_key; "": messages need none
	HEPSend     string // hep_send, host:port; "": nothing is sent
	HEPSendOver string // its prefix: udp, tcp or tls
	HEPSendID   int    // hep_send_id; id_sensor unless set
	HEPSendKey  Secret // hep_send_key

	SpoolDir      string // spooldir
	MaxPoolMB     int    // maxpoolsize, MB; 0: no limit
	MaxPoolDays   int    // maxpooldays; 0: no limit
	MinFreeGB     int    // autocleanmingb; 0: captures do not go for it; -1: not set
	Compress      bool   // capture_compress
	WindowMB      int    // capture_window_mb
	WindowDiskMB  int    // capture_window_disk_mb; 0: undecided calls are held in memory only
	StateDir      string // state_dir: identity and journal
	Socket        string // api_socket: where voiptop finds the sensor
	RunAsUser     string // run_as_user; "": whoever started it
	MetricsListen string // metrics_listen: host:port of the Prometheus metrics; "" for none
	RuleFile      string // rules_file: local capture rules

	RTPTimeout      time.Duration // rtptimeout
	NoRTPTimeout    time.Duration // sipwithoutrtptimeout
	AbsoluteTimeout time.Duration // absolute_timeout
	MaxCalls        int           // callslimit: running calls in memory
	MatchHeaders    []string      // matchheader and its like: they join the legs of a call; nil: the analysis knows some

	InbandDTMF bool // inbanddtmf: digits within the voice
	FaxDetect  bool // faxdetect: tones of faxes

	Recording []Place // lines that ask VoIPmonitor to record calls, which here rules do

	Files  []string // that were read, in that order
	Issues []Issue  // what is worth knowing about the files, in the order of their lines

	places map[string]Place  // where each key was set last
	values map[string]uint64 // a hash of what each key that has an effect was set to: some are secrets
}

// Place is a line of a file. The zero Place is none.
type Place struct {
	File string
	Line int // from 1
	Key  string
}

func (p Place) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Default is the configuration of an empty file.
func Default() *Config {
	return &Config{
		Promisc:         true,
		RingBufferMB:    128,
		HEPUDP:          true,
		CloudListen:     true,
		CloudDownload:   true,
		DirectDownload:  DirectNo,
		SpoolDir:        "/var/spool/sensord",
		MaxPoolMB:       102400,
		MinFreeGB:       -1,
		WindowMB:        64,
		WindowDiskMB:    4096,
		StateDir:        "/var/lib/sensord",
		Socket:          "/run/sensord/sensord.sock",
		RTPTimeout:      300 * time.Second,
		NoRTPTimeout:    1200 * time.Second,
		AbsoluteTimeout: 4 * time.Hour,
		MaxCalls:        100_000,
		FaxDetect:       true,
		places:          map[string]Place{},
		values:          map[string]uint64{},
	}
}

// Place says where a key was set last.
func (c *Config) Place(key string) Place { return c.places[canonical(key)] }

// Changed names the keys whose values are others in o, in the order of the alphabet.
func (c *Config) Changed(o *Config) (keys []string) {
	all := maps.Clone(c.values)
	maps.Copy(all, o.values)
	for k := range all {
		if c.values[k] != o.values[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// Level grades an Issue.
type Level string

// The levels. An Error keeps sensord from starting.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Info    Level = "info"
)

// Issue is one thing to know about a line of the file.
type Issue struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // from 1; 0 when it is about something that is not there
	Key    string `json:"key"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`   // what was found, what was expected
	Remedy string `json:"remedy"` // what to do
}

func (i Issue) String() string {
	s := i.File
	if i.Line > 0 {
		s += ":" + strconv.Itoa(i.Line)
	}
	s += ": "
	if i.Key != "" {
		s += i.Key + ": "
	}
	s += i.Text
	if i.Remedy != "" {
		s += "; " + i.Remedy
	}
	return s
}

// Errors is the error of a file that cannot be used: its issues of level Error.
type Errors []Issue

func (e Errors) Error() string {
	s := make([]string, len(e))
	for i, x := range e {
		s[i] = x.String()
	}
	return strings.Join(s, "\n")
}

// errors gives those of the issues that are errors, nil if there are none.
func (c *Config) errors() error {
	var e Errors
	for _, i := range c.Issues {
		if i.Level == Error {
			e = append(e, i)
		}
	}
	if e == nil {
		return nil
	}
	return e
}

// CheckLive says what is missing for capturing, on an interface or by HEP, and for reaching hosted. replay: packets come from a file.
func (c *Config) CheckLive(replay bool) error {
	var e Errors
	missing := func(key, text, remedy string) {
		e = append(e, Issue{File: c.Path, Key: key, Level: Error, Text: text, Remedy: remedy})
	}
	if !replay && len(c.Interfaces) == 0 && !c.HEP {
		missing("interface", "not set", `write "interface = eth0" (see "ip link"), listen for HEP (hep = yes), or replay a file with -r`)
	}
	if len(c.Servers) > 0 && c.SensorID == 0 {
		missing("id_sensor", "not set, and server_destination is",
			`write "id_sensor = N" with a number from 1 to 65535 that no other sensor of yours has`)
	}
	if e == nil {
		return nil
	}
	return e
}

// serverAddress joins a host with the port unless it names its own. An IPv6 address may stand with or without brackets.
func serverAddress(host string, port int) (string, error) {
	if h, p, err := net.SplitHostPort(host); err == nil {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("port %q: want a number from 1 to 65535", p)
		}
		return net.JoinHostPort(h, p), nil
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.ContainsAny(host, " /") {
		return "", fmt.Errorf("%q: want a host name or an IP address", host)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}
