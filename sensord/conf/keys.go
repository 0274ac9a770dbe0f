package conf

import (
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol/link"
	"voiptop/sensord/internal/bpf"
)

// key says what a key of the file does.
type key struct {
	set     func(p *parser, s setting) error
	list    bool   // may be repeated
	example string // what to write
	doc     string
}

// keys is filled by init because the setters refer to it through parser.finish.
var keys map[string]key

func keyNames() []string { return slices.Sorted(maps.Keys(keys)) }

func init() {
	keys = map[string]key{
		"id_sensor": {
			example: `write "id_sensor = 1", a number from 1 to 65535`, doc: "number of this sensor, unique in the tenant",
			set: func(p *parser, s setting) error {
				n, err := number(s.value, 1, 65535)
				p.c.SensorID = uint16(n)
				return err
			},
		},
		"sensor_name": {
			example: `write "sensor_name = pbx-1"`, doc: "name shown in hosted; the host name unless set",
			set: func(p *parser, s setting) error { p.c.Name = s.value; return nil },
		},
		"name_sensor": {
			example: `write "sensor_name = pbx-1"`, doc: "the same as sensor_name",
			set: func(p *parser, s setting) error { p.c.Name = s.value; return nil },
		},
		"interface": {
			list: true, example: `write "interface = eth0" or "interface = eth0,eth1"`, doc: "where to capture; a comma list or several lines",
			set: func(p *parser, s setting) error {
				p.c.Interfaces = append(p.c.Interfaces, fields(s.value)...)
				return nil
			},
		},
		"promisc": {
			example: yesNo, doc: "put the interfaces into promiscuous mode",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.Promisc) },
		},
		"filter": {
			example: `write "filter = udp port 5060"`, doc: "pcap filter (docs/filter.md)",
			set: func(p *parser, s setting) error {
				p.c.Filter = s.value
				_, err := bpf.Parse(s.value)
				return err
			},
		},
		"interface_ip_filter": {
			list: true, example: `write "interface_ip_filter = 192.0.2.1" or a network, 192.0.2.0/24`, doc: "only packets from or to these addresses and networks are captured; a list or several lines",
			set: setIPFilter,
		},
		"ringbuffer": {
			example: `write "ringbuffer = 128" (MB)`, doc: "kernel ring, MB, 2000 at most",
			set: func(p *parser, s setting) (err error) { p.c.RingBufferMB, err = p.atMost(s, maxRing, "MB"); return err },
		},
		"sipport": {
			list: true, example: `write "sipport = 5060"`, doc: "ports where SIP is expected; a range 5060-5080, a list or several lines. SIP on other ports is found by content when no port is named",
			set: setSIPPorts,
		},
		"tls_keylog": {
			example: `write "tls_keylog = /run/pbx/sslkeys.log"`, doc: "a key log that the SIP server writes (SSLKEYLOGFILE) and sensord follows: SIP over TLS is read with it",
			set: func(p *parser, s setting) error { p.c.TLSKeyLog = s.value; return nil },
		},

		"hep": {
			example: yesNo, doc: "listen for HEP (Homer encapsulation protocol) of SIP servers and capture agents; docs/hep.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.HEP) },
		},
		"hep_bind_ip": {
			example: `write "hep_bind_ip = 192.0.2.1"`, doc: "address to listen for HEP on; all addresses unless set",
			set: func(p *parser, s setting) error {
				_, err := netip.ParseAddr(s.value)
				p.hepIP = s.value
				if err != nil {
					return fmt.Errorf("found %q, expected an IP address", clip(s.value))
				}
				return nil
			},
		},
		"hep_bind_port": {
			example: fmt.Sprintf(`write "hep_bind_port = %d"`, DefaultHEPPort), doc: "port to listen for HEP on, UDP and TCP; 9060 unless set",
			set: func(p *parser, s setting) (err error) { p.hepPort, err = number(s.value, 1, 65535); return err },
		},
		"hep_bind_udp": {
			example: yesNo, doc: "no: listen for HEP on TCP only",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.HEPUDP) },
		},
		"hep_auth_key": {
			example: `write "hep_auth_key = SECRET", the same at the agents`, doc: "HEP without this authentication key is dropped",
			set: func(p *parser, s setting) error { p.c.HEPKey = Secret(s.value); return nil },
		},
		"hep_send": {
			example: `write "hep_send = homer.example.com:9060", with tcp: or tls: before it if it is not UDP`, doc: "send SIP messages and RTCP reports as HEP3 to a Homer: host:port over UDP, tcp:host:port or tls:host:port",
			set: setHEPSend,
		},
		"hep_send_id": {
			example: `write "hep_send_id = 2001"`, doc: "capture agent id in the HEP that is sent; id_sensor unless set",
			set: func(p *parser, s setting) (err error) { p.c.HEPSendID, err = number(s.value, 1, 1<<31-1); return err },
		},
		"hep_send_key": {
			example: `write "hep_send_key = SECRET"`, doc: "authentication key in the HEP that is sent",
			set: func(p *parser, s setting) error { p.c.HEPSendKey = Secret(s.value); return nil },
		},

		"server_destination": {
			list: true, example: `write "server_destination = cloud.example.com", several with commas`, doc: "hosted's address; a comma list fails over",
			set: func(p *parser, s setting) error {
				for _, v := range fields(s.value) {
					t := s
					t.value = v
					p.servers = append(p.servers, t)
				}
				return nil
			},
		},
		"server_destination_port": {
			example: fmt.Sprintf(`write "server_destination_port = %d"`, DefaultPort), doc: "hosted's port for sensors",
			set: func(p *parser, s setting) (err error) { p.port, err = number(s.value, 1, 65535); return err },
		},
		"server_proxy": {
			example: `write "server_proxy = http://proxy.example.com:3128", with USER:PASSWORD@ before the name if it asks`, doc: "HTTP proxy that leads to hosted (CONNECT)",
			set: func(p *parser, s setting) (err error) { p.c.Proxy, err = link.ParseProxy(s.value); return err },
		},
		"server_fingerprint": {
			example: `write the 64 hexadecimal digits that "hosted sensor add" printed`, doc: "SHA-256 of hosted's CA certificate, pins the server",
			set: func(p *parser, s setting) error {
				v := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s.value, "sha256:"), ":", ""))
				if len(v) != 64 || strings.Trim(v, "0123456789abcdef") != "" {
					return fmt.Errorf("found %q, expected 64 hexadecimal digits", clip(s.value))
				}
				p.c.Fingerprint = v
				return nil
			},
		},
		"cloud_token": {
			example: `make one with "hosted sensor add" or in the web GUI under Sensors`, doc: "single-use token that enrols this sensor; voipmon pair does the same",
			set: func(p *parser, s setting) error { p.c.Token = Secret(s.value); return nil },
		},
		"cloud_listen": {
			example: yesNo, doc: "no: calls that rules keep cannot be listened to through hosted, whoever asks; docs/listening.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.CloudListen) },
		},
		"cloud_download": {
			example: yesNo, doc: "no: captures cannot be downloaded through hosted, nor messages read, whoever asks; docs/listening.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.CloudDownload) },
		},
		"packetbuffer_sender": {
			example: yesNo, doc: "yes: send results to server_destination. Packets are never mirrored",
			set: func(p *parser, s setting) error {
				p.c.SendPacketsAt = s.place()
				return boolean(s.value, &p.c.SendPackets)
			},
		},

		"state_dir": {
			example: `write "state_dir = /var/lib/sensord"`, doc: "folder of the sensor's identity and journal",
			set: func(p *parser, s setting) error { p.c.StateDir = s.value; return nil },
		},
		"api_socket": {
			example: `write "api_socket = /run/sensord/sensord.sock"`, doc: "unix socket of the sensor API, for voiptop and voipmon",
			set: func(p *parser, s setting) error { p.c.Socket = s.value; return nil },
		},
		"metrics_listen": {
			example: `write "metrics_listen = 127.0.0.1:9623"`, doc: "address where Prometheus finds the sensor's counters at /metrics; none unless set",
			set: func(p *parser, s setting) error {
				host, port, err := net.SplitHostPort(s.value)
				if err != nil {
					return fmt.Errorf("found %q, expected ADDRESS:PORT", clip(s.value))
				}
				if _, err := number(port, 1, 65535); err != nil {
					return err
				}
				p.c.MetricsListen = net.JoinHostPort(host, port)
				return nil
			},
		},
		"run_as_user": {
			example: `write "run_as_user = sensord", a user of this machine`, doc: "the user that sensord becomes when its sockets are open; it must own state_dir and spooldir (docs/install.md)",
			set: func(p *parser, s setting) error { p.c.RunAsUser = s.value; return nil },
		},
		"rules_file": {
			example: `write "rules_file = /etc/sensord.rules"`, doc: "local capture rules; state_dir/local.rules unless set",
			set: func(p *parser, s setting) error { p.c.RuleFile = s.value; return nil },
		},

		"rtptimeout": {
			example: `write "rtptimeout = 300" (seconds)`, doc: "a call that rings, or has RTP, and has been silent for so long has ended, s",
			set: func(p *parser, s setting) error { return p.seconds(s, &p.c.RTPTimeout) },
		},
		"sipwithoutrtptimeout": {
			example: `write "sipwithoutrtptimeout = 3600" (seconds)`, doc: "an answered call without RTP, or on hold, that has been silent for so long has ended, s; 1200 unless set",
			set: func(p *parser, s setting) error { return p.seconds(s, &p.c.NoRTPTimeout) },
		},
		"absolute_timeout": {
			example: `write "absolute_timeout = 14400" (seconds)`, doc: "no call lasts longer, s",
			set: func(p *parser, s setting) error { return p.seconds(s, &p.c.AbsoluteTimeout) },
		},
		"matchheader": {
			list: true, example: `write "matchheader = X-Call-ID", several with commas`, doc: "SIP headers that join the legs of a call",
			set: setMatchHeaders,
		},
		"callidmerge_header": {
			list: true, example: `write "callidmerge_header = X-Parent-Call-ID"`, doc: "the same as matchheader",
			set: setMatchHeaders,
		},
		"call_id_alternative": {
			list: true, example: `write "call_id_alternative = X-Session", several with commas`, doc: "the same as matchheader",
			set: setMatchHeaders,
		},
		"inbanddtmf": {
			example: yesNo, doc: "look for digits (DTMF) as tones within G.711, too; it costs CPU",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.InbandDTMF) },
		},
		"inband_dtmf": {
			example: yesNo, doc: "the same as inbanddtmf",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.InbandDTMF) },
		},
		"faxdetect": {
			example: yesNo, doc: "no: do not look for the tones of faxes within G.711",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.FaxDetect) },
		},
		"callslimit": {
			example: `write "callslimit = 100000"`, doc: "running calls held in memory; 0: the default, 100000",
			set: func(p *parser, s setting) error {
				n, err := number(s.value, 0, 10_000_000)
				if n > 0 {
					p.c.MaxCalls = n
				}
				return err
			},
		},
		"include": {
			list: true, doc: "reads other files here", example: `write "include = conf.d/*.conf"`,
			set: func(*parser, setting) error { return nil },
		},
	}
	maps.Copy(keys, spoolKeys())
	maps.Copy(keys, directKeys())
}

const yesNo = "write yes or no"

// setHEPSend reads [udp:|tcp:|tls:]host[:port].
func setHEPSend(p *parser, s setting) error {
	over, host, ok := strings.Cut(s.value, ":")
	port := DefaultHEPPort
	switch over = strings.ToLower(over); {
	case ok && over == "tls":
		port = DefaultHEPTLSPort
	case ok && (over == "udp" || over == "tcp"):
	default:
		over, host = "udp", s.value
	}
	a, err := serverAddress(host, port)
	if err != nil {
		return err
	}
	p.c.HEPSend, p.c.HEPSendOver = a, over
	return nil
}

func setSIPPorts(p *parser, s setting) error {
	for _, f := range fields(s.value) {
		from, to, isRange := strings.Cut(f, "-")
		a, err := number(from, 1, 65535)
		if err != nil {
			return err
		}
		b := a
		if isRange {
			if b, err = number(to, a, 65535); err != nil {
				return err
			}
		}
		for ; a <= b; a++ {
			p.c.SIPPorts = append(p.c.SIPPorts, uint16(a))
		}
	}
	return nil
}

func setMatchHeaders(p *parser, s setting) error {
	for _, h := range fields(s.value) {
		if strings.Trim(h, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") != "" {
			return fmt.Errorf("found %q, expected the name of a SIP header", h)
		}
		p.c.MatchHeaders = append(p.c.MatchHeaders, h)
	}
	return nil
}

// setIPFilter notes addresses and networks in the words of a filter.
func setIPFilter(p *parser, s setting) error {
	for _, f := range fields(s.value) {
		if a, err := netip.ParseAddr(f); err == nil {
			p.only = append(p.only, "host "+a.String())
		} else if n, err := netip.ParsePrefix(f); err == nil {
			p.only = append(p.only, "net "+n.Masked().String())
		} else {
			return fmt.Errorf("found %q, expected an IP address or a network", clip(f))
		}
	}
	return nil
}

func number(v string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < lo || n > hi {
		if hi == math.MaxInt {
			return 0, fmt.Errorf("found %q, expected a number from %d up", clip(v), lo)
		}
		return 0, fmt.Errorf("found %q, expected a number from %d to %d", clip(v), lo, hi)
	}
	return n, nil
}

// maxRing bounds the kernel's ring, MB. VoIPmonitor's has the same bound.
const maxRing = 2000

// maxSeconds bounds timeouts: a week.
const maxSeconds = 7 * 24 * 3600

// atMost reads a number from 1 up. What is more than most counts as most, which is worth a warning: the file of somebody who wanted
// much is no reason not to start.
func (p *parser) atMost(s setting, most int, unit string) (int, error) {
	n, err := number(s.value, 1, math.MaxInt)
	if err == nil && n > most {
		p.issue(s, Warning, fmt.Sprintf("found %d, and %d %s is the most: that counts", n, most, unit), fmt.Sprintf(`write "%s = %d"`, s.key, most))
		n = most
	}
	return n, err
}

// seconds reads a timeout; 0 is none, which here is the longest.
func (p *parser) seconds(s setting, d *time.Duration) error {
	if s.value == "0" {
		p.issue(s, Warning, fmt.Sprintf("found 0, and a sensor forgets no call without a timeout: %d seconds counts", maxSeconds), fmt.Sprintf(`write "%s = %d", or less`, s.key, maxSeconds))
		*d = maxSeconds * time.Second
		return nil
	}
	n, err := p.atMost(s, maxSeconds, "seconds")
	if err == nil {
		*d = time.Duration(n) * time.Second
	}
	return err
}

func boolean(v string, b *bool) error {
	switch strings.ToLower(v) {
	case "yes", "y", "true", "on", "1":
		*b = true
	case "no", "n", "false", "off", "0":
		*b = false
	default:
		return fmt.Errorf("found %q, expected yes or no", clip(v))
	}
	return nil
}

func fields(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == ';' })
}
