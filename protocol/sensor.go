package protocol

// SensorInfo is what a sensor says of itself, in hello and at GET /v1/info.
type SensorInfo struct {
	UUID         UUID     `json:"uuid" cbor:"1,keyasint"`      // from its certificate; zero before it is paired
	SensorID     uint16   `json:"id_sensor" cbor:"2,keyasint"` // the label 1..65535 from the conf
	Name         string   `json:"name" cbor:"3,keyasint"`      // host name unless the conf says otherwise
	Version      string   `json:"version" cbor:"4,keyasint"`
	Commit       string   `json:"commit" cbor:"5,keyasint"`
	OS           string   `json:"os" cbor:"6,keyasint"`
	Arch         string   `json:"arch" cbor:"7,keyasint"`
	BootID       string   `json:"boot_id" cbor:"8,keyasint"` // changes with every start of the process
	MachineID    string   `json:"machine_id" cbor:"9,keyasint"`
	Capabilities []string `json:"capabilities" cbor:"10,keyasint"`
	Clock        Time     `json:"clock" cbor:"11,keyasint"`
	Started      Time     `json:"started" cbor:"12,keyasint"`
	Source       string   `json:"source" cbor:"13,keyasint"`        // interfaces or files that packets come from: "eth0, eth1"
	RuleRevision uint64   `json:"rule_revision" cbor:"14,keyasint"` // of the local rules in force

	HostedRuleRevision uint64 `json:"hosted_rule_revision" cbor:"15,keyasint,omitempty"` // of hosted's rules in force, 0: none
}

// Health is what a sensor knows of its own work, at GET /v1/health: the sensor's half of `voipmon doctor`.
type Health struct {
	Info     SensorInfo `json:"info"`
	Counters Counters   `json:"counters"`
	Running  int        `json:"running"` // calls
	Link     LinkHealth `json:"link"`
	Journal  QueueState `json:"journal"`
	Spool    SpoolState `json:"spool"`
	Problems []Problem  `json:"problems"` // what is wrong now, gravest first
}

// LinkHealth is the state of the sensor's link to hosted.
type LinkHealth struct {
	State       string   `json:"state"`  // "off", "connecting", "up", "refused"
	Server      string   `json:"server"` // host:port
	Since       Time     `json:"since"`
	LastError   *Problem `json:"last_error"`
	LastCDRAck  Time     `json:"last_cdr_ack"`
	Reconnects  uint64   `json:"reconnects"`
	CertExpires Time     `json:"cert_expires"`
}

// QueueState is how far the journal is ahead of hosted.
type QueueState struct {
	Epoch   uint64 `json:"epoch"`
	Next    uint64 `json:"next"`  // sequence number that the next record gets
	Acked   uint64 `json:"acked"` // all records below are in hosted
	Pending uint64 `json:"pending"`
	Oldest  Time   `json:"oldest"` // end of the oldest call that is not acknowledged
	Dropped uint64 `json:"dropped"`
	Bytes   uint64 `json:"bytes"`
}

// SpoolState is the room that captures take on the sensor's disk.
type SpoolState struct {
	Dir      string `json:"dir"`
	Files    uint64 `json:"files"`
	Bytes    uint64 `json:"bytes"`
	MaxBytes uint64 `json:"max_bytes"` // maxpoolsize; 0: unbounded
	MaxDays  int    `json:"max_days"`  // maxpooldays; 0: unbounded
	Free     uint64 `json:"free"`      // on the file system
	Stopped  string `json:"stopped"`   // why no capture is written now, "" while they are

	HeldCalls uint64 `json:"held_calls"` // that no rule has decided on
	HeldBytes uint64 `json:"held_bytes"` // of their packets, in memory and on disk
}
