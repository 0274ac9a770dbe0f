package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"

	"voiptop/sensord/conf"
)

var configChecks = []Check{
	{Code: "conf-readable", Group: "config", Title: "the configuration file can be read", Run: confReadable},
	{Code: "conf-keys", Group: "config", Title: "its keys and values are understood", Needs: []string{"conf-readable"}, Run: confKeys},
	{Code: "conf-id-sensor", Group: "config", Title: "the sensor has a number", Needs: []string{"conf-readable"}, Run: confIDSensor},
	{Code: "conf-server", Group: "config", Title: "the file says where hosted is", Needs: []string{"conf-readable"}, Run: confServer},
	{Code: "conf-packetbuffer-sender", Group: "config", Title: "sending results is switched on", Needs: []string{"conf-readable"}, Run: confSender},
}

func confReadable(ctx context.Context, e *Env) Result {
	c, err := e.Conf()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(e.ConfPath+" does not exist", "sensord does not know which sensor it is, nor where hosted is",
			"voipmon doctor -c FILE, with the file that sensord is started with")
	case errors.Is(err, fs.ErrPermission):
		return blocked("no right to read "+e.ConfPath, "sudo voipmon doctor -c "+e.ConfPath)
	case err != nil:
		return failed(err.Error(), "sensord will not start with it", "mend the file, then run voipmon doctor --only config")
	}
	if c.RunAsUser == "" { // else it is read before sensord becomes that user
		if path, a := e.mayNot(ctx, "-r", c.Files...); path != "" {
			return failed(fmt.Sprintf("%s may not read %s, and sensord runs as that user", a.Name, path), "sensord will not start",
				fmt.Sprintf("chgrp %s %s ; chmod g+r %s", a.Name, path, path))
		}
	}
	if path, a := e.mayNot(ctx, "-r", c.TLSKeyLog); path != "" {
		return warning(fmt.Sprintf("%s may not read %s (tls_keylog), and sensord runs as that user", a.Name, path), "SIP over TLS stays unread",
			fmt.Sprintf("chgrp %s %s ; chmod g+r %s", a.Name, path, path))
	}
	if f := c.TLSKeyLog; f != "" && e.hidden(ctx, f) {
		return warning(fmt.Sprintf("sensord's unit hides %s (tls_keylog) from it", f), "SIP over TLS stays unread",
			"let the SIP server write it elsewhere, for example into /run/sipkeys ; then mend tls_keylog in "+e.ConfPath)
	}
	return ok("%s", strings.Join(c.Files, ", "))
}

func confKeys(_ context.Context, e *Env) Result {
	by := map[conf.Level][]conf.Issue{}
	for _, i := range e.config().Issues {
		by[i.Level] = append(by[i.Level], i)
	}
	errs, warnings, idle := by[conf.Error], by[conf.Warning], withoutEffect(by[conf.Info])
	var r Result
	switch {
	case len(errs) > 0:
		r = failed(told(errs, "are wrong"), "sensord will not start with it", firstRemedy(errs, "mend the lines"))
	case len(warnings) > 0:
		r = warning(told(warnings, "do not do what they seem to"), "calls or captures may be other than the file asks for",
			firstRemedy(warnings, "remove or mend the lines"))
	case len(idle) > 0:
		r = ok("all understood; %d have no effect here, or another: voipmon doctor --only conf-keys lists them", len(by[conf.Info]))
	default:
		return ok("all understood")
	}
	for _, i := range slices.Concat(errs, warnings) {
		r.Details = append(r.Details, i.String())
	}
	r.Notes = idle
	return r
}

// told is the first of the issues, and how many there are.
func told(list []conf.Issue, do string) string {
	first := list[0]
	first.Remedy = ""
	if len(list) == 1 {
		return first.String()
	}
	return fmt.Sprintf("%d lines %s; the first: %s", len(list), do, first)
}

// withoutEffect names the keys of issues by what there is to say of them.
func withoutEffect(list []conf.Issue) (lines []string) {
	keys := map[string][]string{}
	var texts []string // in their first one's order
	for _, i := range list {
		if keys[i.Text] == nil {
			texts = append(texts, i.Text)
		}
		if !slices.Contains(keys[i.Text], i.Key) {
			keys[i.Text] = append(keys[i.Text], i.Key)
		}
	}
	for _, t := range texts {
		lines = append(lines, strings.Join(keys[t], ", ")+": "+t)
	}
	return lines
}

func firstRemedy(list []conf.Issue, otherwise string) string {
	for _, i := range list {
		if i.Remedy != "" {
			return fmt.Sprintf("line %d: %s", i.Line, i.Remedy)
		}
	}
	return otherwise
}

func confIDSensor(_ context.Context, e *Env) Result {
	c := e.config()
	if c.SensorID != 0 {
		return ok("id_sensor = %d", c.SensorID)
	}
	seen := "id_sensor is not set"
	for _, i := range c.Issues {
		if i.Key == "id_sensor" && i.Level == conf.Error {
			seen = fmt.Sprintf("line %d: %s", i.Line, i.Text)
		}
	}
	return failed(seen, "hosted tells the sensors of a tenant apart by it", fmt.Sprintf("write id_sensor = 1 (a number from 1 to 65535, unique among your sensors) in %s", e.ConfPath))
}

func confServer(_ context.Context, e *Env) Result {
	c := e.config()
	if len(c.Servers) == 0 {
		return failed("server_destination is not set", "calls are analysed and kept on this machine, and go nowhere",
			fmt.Sprintf("write server_destination = HOST in %s; hosted's page Sensors shows it", e.ConfPath))
	}
	var other []string
	for _, s := range c.Servers {
		if _, port, err := net.SplitHostPort(s); err == nil && port != fmt.Sprint(conf.DefaultPort) {
			other = append(other, s)
		}
	}
	seen := strings.Join(c.Servers, ", ")
	if len(other) > 0 {
		return ok("%s (not the usual port %d: is hosted told so?)", seen, conf.DefaultPort)
	}
	return ok("%s", seen)
}

func confSender(_ context.Context, e *Env) Result {
	c := e.config()
	switch {
	case c.SendPackets:
		return ok("packetbuffer_sender = yes")
	case c.SendPacketsAt.Line == 0 && len(c.Servers) == 0:
		return warning("packetbuffer_sender is not set", "nothing is sent without server_destination; with it the service's checklist asks for yes",
			"write packetbuffer_sender = yes in "+e.ConfPath)
	case c.SendPacketsAt.Line == 0:
		return warning("packetbuffer_sender is not set", "results are sent because server_destination is set, but the service's checklist asks for yes",
			"write packetbuffer_sender = yes in "+e.ConfPath)
	}
	return warning(fmt.Sprintf("%s: packetbuffer_sender = no", c.SendPacketsAt),
		"results are sent nevertheless when server_destination is set; packets are never mirrored",
		"write packetbuffer_sender = yes, or remove server_destination to send nothing")
}
