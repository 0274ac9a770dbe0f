package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
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

func confReadable(_ context.Context, e *Env) Result {
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
	return ok("%s", c.Path)
}

func confKeys(_ context.Context, e *Env) Result {
	var errs, warnings, idle []conf.Issue
	for _, i := range e.config().Issues {
		switch i.Level {
		case conf.Error:
			errs = append(errs, i)
		case conf.Warning:
			warnings = append(warnings, i)
		case conf.Info:
			idle = append(idle, i)
		}
	}
	switch {
	case len(errs) > 0:
		return failed(issues(errs), "sensord will not start with it", firstRemedy(errs, "mend the lines"))
	case len(warnings) > 0:
		return warning(issues(warnings), "these lines do not do what they seem to", firstRemedy(warnings, "remove or mend the lines"))
	case len(idle) > 0:
		return ok("all understood; %d to know of, for example %s: %s", len(idle), idle[0].Key, idle[0].Text)
	}
	return ok("all understood")
}

// issues names the first few.
func issues(list []conf.Issue) string {
	const most = 4
	var b strings.Builder
	for n, i := range list {
		if n == most {
			fmt.Fprintf(&b, "; and %d more", len(list)-most)
			break
		}
		if n > 0 {
			b.WriteString("; ")
		}
		i.Remedy = ""
		b.WriteString(i.String())
	}
	return b.String()
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
	case c.SendPacketsAt == 0 && len(c.Servers) == 0:
		return warning("packetbuffer_sender is not set", "nothing is sent without server_destination; with it the service's checklist asks for yes",
			"write packetbuffer_sender = yes in "+e.ConfPath)
	case c.SendPacketsAt == 0:
		return warning("packetbuffer_sender is not set", "results are sent because server_destination is set, but the service's checklist asks for yes",
			"write packetbuffer_sender = yes in "+e.ConfPath)
	}
	return warning(fmt.Sprintf("line %d: packetbuffer_sender = no", c.SendPacketsAt),
		"results are sent nevertheless when server_destination is set; packets are never mirrored",
		"write packetbuffer_sender = yes, or remove server_destination to send nothing")
}
