package alert

import (
	"time"

	"voiptop/protocol"
)

// Templates are ready-made definitions that a tenant may choose from. They are off, and tell nobody, until somebody says whom.
func Templates() []Spec {
	number := func(v float64) *float64 { return &v }
	const minute = int64(time.Minute / time.Millisecond)
	all := []Spec{
		{
			Name: "Sensor offline", Metric: Offline, Threshold: 180, ResolveMS: minute, Severity: protocol.SeverityBad,
			Note: "Run voipmon doctor on the sensor's machine: it says why hosted does not hear of it.",
		},
		{
			Name: "Few calls are answered", Metric: ASR, Threshold: 30, Over: number(40), WindowMS: 15 * minute, MinCalls: 30, HoldMS: 2 * minute, ResolveMS: 5 * minute,
			Severity: protocol.SeverityBad, Note: "Open the calls and look at their final status: 5xx and 6xx are the network's, 4xx mostly the numbers'.",
		},
		{
			Name: "The network fails calls", Metric: NER, Threshold: 85, Over: number(90), WindowMS: 15 * minute, MinCalls: 30, HoldMS: 2 * minute, ResolveMS: 5 * minute,
			By: ByDestination, Severity: protocol.SeverityBad, Note: "Calls to this address fail for another reason than that somebody was busy or did not answer.",
		},
		{
			Name: "Bad voice quality", Metric: MOSBelow, Bound: number(3.6), Threshold: 10, Over: number(5), WindowMS: 15 * minute, MinCalls: 20, HoldMS: 2 * minute, ResolveMS: 5 * minute,
			Severity: protocol.SeverityWarn, Note: "Compare the streams' loss and jitter: what is bad in one direction only is on that side's network.",
		},
		{
			Name: "One-way audio", Metric: Finding, Finding: "one-way-audio", Threshold: 3, WindowMS: 30 * minute, ResolveMS: 10 * minute, Severity: protocol.SeverityWarn,
			Note: "Mostly a firewall or NAT that lets media through in one direction only.",
		},
		{
			Name: "No calls any more", Metric: Calls, Side: Below, Threshold: 1, WindowMS: 30 * minute, HoldMS: minute, Severity: protocol.SeverityBad,
			Quiet: &Quiet{Zone: "UTC", From: "20:00", To: "06:00", Days: []string{}},
			Note:  "Either nobody calls, or the sensor no longer sees it: look at its packets first.",
		},
		{
			Name: "Half of last week's calls", Metric: Calls, Side: Below, LastWeek: true, Threshold: 50, Over: number(70), WindowMS: 60 * minute, HoldMS: 5 * minute, ResolveMS: 10 * minute,
			Severity: protocol.SeverityWarn, Note: "Look for a trunk or a site that no longer calls: the dashboard's table of sources, compared with last week.",
		},
		{
			Name: "Calls take long to ring", Metric: PDD, Threshold: 6000, Over: number(5000), WindowMS: 15 * minute, MinCalls: 20, HoldMS: 2 * minute, ResolveMS: 5 * minute,
			Severity: protocol.SeverityInfo, Note: "Open the slow calls: their ladder shows who answered late, and the dashboard's table of destinations to where it happens.",
		},
		{
			Name: "Calls over the channel limit", Metric: OverLimit, WindowMS: 15 * minute, ResolveMS: 15 * minute, Severity: protocol.SeverityWarn,
			Note: "More calls ran at a time than the tenant has channels for: those beyond it have no media analysis.",
		},
		{
			Name: "Sensor loses packets", Metric: Drops, Threshold: 1000, WindowMS: 5 * minute, HoldMS: minute, ResolveMS: 5 * minute, Severity: protocol.SeverityWarn,
			Note: "The kernel dropped packets before sensord saw them: losses and MOS of these minutes are too bad. Give the capture ring more memory.",
		},
		{
			Name: "Records wait on the sensor", Metric: QueueLag, Threshold: 600, WindowMS: 5 * minute, HoldMS: 2 * minute, ResolveMS: 5 * minute, Severity: protocol.SeverityWarn,
			Note: "The sensor is linked, and its records are late: its uplink is too slow, or it works off what it kept.",
		},
	}
	for i := range all {
		all[i].RepeatMS = 4 * 60 * minute
		all[i].Defaults()
	}
	return all
}
