package sensors

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// routes is what a sensor may ask on an up connection.
func (s *Service) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST "+link.PathEnrol, s.answer(s.enrol))
	m.HandleFunc("POST "+link.PathRenew, s.answer(s.renew))
	m.HandleFunc("POST "+link.PathHello, s.answer(s.hello))
	m.HandleFunc("POST "+link.PathCDRs, s.answer(s.cdrs))
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		link.WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "the link has no " + r.Method + " " + r.URL.Path})
	})
	return m
}

// answer makes a handler of a function that answers with a message or an error. An error that is no problem is logged,
// and told to the sensor without its inside.
func (s *Service) answer(f func(ctx context.Context, p *peer, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := r.Context().Value(peerKey{}).(*peer)
		v, err := f(r.Context(), p, r)
		var known *protocol.Problem
		switch {
		case err == nil:
			link.WriteMessage(w, v)
			return
		case !errors.As(err, &known):
			s.log.Error("request of a sensor failed", "path", r.URL.Path, "addr", p.addr, "err", err)
			err = &protocol.Problem{Code: protocol.CodeInternal, Status: http.StatusInternalServerError, Title: "hosted has a problem of its own", Remedy: "see its log"}
		}
		link.WriteProblem(w, err)
	}
}

// resultOf is a metric's label.
func resultOf(err error) string {
	var p *protocol.Problem
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &p):
		return p.Code
	}
	return protocol.CodeInternal
}

func problem(code string, status int, title, detail, remedy string) *protocol.Problem {
	return &protocol.Problem{Code: code, Status: status, Title: title, Detail: detail, Remedy: remedy}
}

func badRequest(err error) *protocol.Problem {
	p := problem(protocol.CodeBadRequest, http.StatusBadRequest, "message cannot be read", err.Error(), "")
	if errors.Is(err, link.ErrTooLarge) {
		p.Status = http.StatusRequestEntityTooLarge
	}
	return p
}

// enrol redeems a token.
func (s *Service) enrol(ctx context.Context, p *peer, r *http.Request) (_ any, err error) {
	defer func() { s.metrics.enrolled.WithLabelValues(resultOf(err)).Inc() }()
	var in link.EnrolRequest
	if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil {
		return nil, badRequest(err)
	}
	if err := s.checkBuild(in.Info, in.MinVersion, in.MaxVersion); err != nil {
		return nil, err
	}
	csr, err := parseCSR(in.CSR)
	if err != nil {
		return nil, badRequest(err)
	}
	info, now, hash := cleanInfo(in.Info), s.cfg.Clock(), sha256.Sum256(in.Secret)
	key := sha256.Sum256(csr.RawSubjectPublicKeyInfo)
	uuid := sensorUUID(key, hash)
	sensor, err := s.cfg.Store.RedeemEnrolToken(ctx, hash, now, store.Sensor{
		UUID: uuid, SensorID: info.SensorID, KeyHash: key, Info: info, Addr: p.addr, Enrolled: now, LastSeen: now,
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		// Its own answer may have been lost: the same key with the same token is the same sensor.
		if sensor, err = s.cfg.Store.Sensor(ctx, sensor.Tenant, uuid); err != nil || sensor.KeyHash != key || sensor.Revoked {
			return nil, problem(protocol.CodeUnknownToken, http.StatusForbidden, "hosted does not know this token",
				"it was used, or is older than "+s.cfg.Limits.TokenLife.String()+", or never was", "make a new one on hosted's page Sensors")
		}
	case errors.Is(err, store.ErrExists):
		return nil, s.numberTaken(ctx, sensor.Tenant, info.SensorID)
	case err != nil:
		return nil, err
	}
	tenant, err := s.cfg.Store.Tenant(ctx, sensor.Tenant)
	if err != nil {
		return nil, err
	}
	s.log.Info("sensor enrolled", "sensor", sensor.UUID.String(), "tenant", tenant.Name, "name", info.Name, "id_sensor", sensor.SensorID, "addr", p.addr)
	return s.certify(csr, tenant, sensor)
}

// sensorUUID derives a sensor's UUID (version 8, RFC 9562 section 5.8) from its key and its token.
func sensorUUID(key, token [32]byte) (u protocol.UUID) {
	h := sha256.Sum256(append(key[:], token[:]...))
	copy(u[:], h[:])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return u
}

func (s *Service) certify(csr *x509.CertificateRequest, t store.Tenant, sensor store.Sensor) (*link.EnrolAnswer, error) {
	cert, err := s.cfg.CA.Sensor(csr, t.ID, sensor.UUID)
	if err != nil {
		return nil, err
	}
	return &link.EnrolAnswer{Cert: cert.Raw, CA: s.cfg.CA.cert.Raw, UUID: sensor.UUID, TenantID: int64(t.ID), Tenant: t.Name, SensorID: sensor.SensorID}, nil
}

// renew gives a sensor a new certificate for the key that it has.
func (s *Service) renew(ctx context.Context, p *peer, r *http.Request) (any, error) {
	var in link.RenewRequest
	if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil {
		return nil, badRequest(err)
	}
	sensor, err := s.welcome(ctx, p.Peer(), true)
	if err != nil {
		return nil, err
	}
	csr, err := parseCSR(in.CSR)
	if err != nil {
		return nil, badRequest(err)
	}
	if sha256.Sum256(csr.RawSubjectPublicKeyInfo) != sensor.KeyHash {
		return nil, badRequest(errors.New("certificate request for another key than the sensor's"))
	}
	tenant, err := s.cfg.Store.Tenant(ctx, sensor.Tenant)
	if err != nil {
		return nil, err
	}
	return s.certify(csr, tenant, sensor)
}

// welcome tells which sensor shows a certificate and whether it may come. With grace the certificate may have ended.
func (s *Service) welcome(ctx context.Context, c *x509.Certificate, grace bool) (store.Sensor, error) {
	notPaired := func(detail string) error {
		return problem(protocol.CodeNotPaired, http.StatusUnauthorized, "hosted does not know this sensor", detail,
			"pair it with a token of this hosted: `voipmon pair --force --server HOST:PORT`")
	}
	if c == nil {
		return store.Sensor{}, notPaired("it shows no certificate")
	}
	allow := time.Duration(0)
	if grace {
		allow = link.RenewGrace
	}
	if err := s.cfg.CA.Verify(c, allow); err != nil {
		return store.Sensor{}, notPaired("its certificate: " + err.Error())
	}
	tenantID, uuid, err := link.ParseSensorURI(c)
	if err != nil {
		return store.Sensor{}, notPaired(err.Error())
	}
	sensor, err := s.cfg.Store.Sensor(ctx, store.TenantID(tenantID), uuid)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && sensor.KeyHash != link.KeyHash(c):
		return store.Sensor{}, notPaired("there is no sensor " + uuid.String() + " with this key")
	case err != nil:
		return store.Sensor{}, err
	case sensor.Revoked:
		return store.Sensor{}, problem(protocol.CodeRevoked, http.StatusForbidden, "this sensor was revoked",
			fmt.Sprintf("sensor %s, enrolled %s", uuid, sensor.Enrolled.UTC().Format(time.RFC3339)),
			"if that was a mistake, pair it again with a new token: `voipmon pair --force`")
	}
	tenant, err := s.cfg.Store.Tenant(ctx, sensor.Tenant)
	if err != nil {
		return store.Sensor{}, err
	}
	if tenant.Suspended {
		return store.Sensor{}, problem(protocol.CodeTenantSuspended, http.StatusForbidden, "the tenant "+tenant.Name+" is suspended", "",
			"ask the operator of hosted; the sensor keeps its calls meanwhile")
	}
	return sensor, nil
}

// checkBuild refuses sensors that cannot work with this hosted.
func (s *Service) checkBuild(i protocol.SensorInfo, lowest, highest int) error {
	if lowest > link.MaxVersion || highest < link.MinVersion || lowest > highest {
		p := problem(protocol.CodeProtocolUnsupported, http.StatusBadRequest, "sensor and hosted have no version of the link in common",
			fmt.Sprintf("the sensor speaks %d to %d, hosted %d to %d", lowest, highest, link.MinVersion, link.MaxVersion), "update the older of the two")
		p.Fields = map[string]string{"min": strconv.Itoa(link.MinVersion), "max": strconv.Itoa(link.MaxVersion)}
		return p
	}
	for _, b := range s.cfg.Limits.BadBuilds {
		match := func(want, got string) bool { return want == "" || want == got }
		if match(b.Version, i.Version) && match(b.Commit, i.Commit) && match(b.OS, i.OS) && match(b.Arch, i.Arch) {
			return problem(protocol.CodeKnownBadBuild, http.StatusForbidden,
				fmt.Sprintf("sensord %s (%s, %s/%s) is known to be broken", i.Version, i.Commit, i.OS, i.Arch), b.Reason, b.Remedy)
		}
	}
	if i.SensorID == 0 {
		return problem(protocol.CodeBadRequest, http.StatusBadRequest, "the sensor has no number", "id_sensor is not set", "set id_sensor to a number from 1 to 65535 in its configuration")
	}
	return nil
}

// hello decides whether a sensor is welcome, and opens its session.
func (s *Service) hello(ctx context.Context, p *peer, r *http.Request) (_ any, err error) {
	defer func() { s.metrics.hellos.WithLabelValues(resultOf(err)).Inc() }()
	var in link.Hello
	if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil {
		return nil, badRequest(err)
	}
	sensor, err := s.welcome(ctx, p.Peer(), false)
	if err != nil {
		return nil, err
	}
	info, now := cleanInfo(in.Info), s.cfg.Clock()
	info.UUID = sensor.UUID
	if err := s.checkBuild(info, in.MinVersion, in.MaxVersion); err != nil {
		return nil, err
	}
	if skew := info.Clock.Std().Sub(now); skew.Abs() > s.cfg.Limits.MaxSkew {
		q := problem(protocol.CodeClockSkew, http.StatusForbidden, "the sensor's clock is wrong",
			fmt.Sprintf("it says %s, hosted's says %s", info.Clock, protocol.TimeOf(now)), "set its clock (timedatectl set-ntp true); calls would be filed under the wrong time")
		q.Fields = map[string]string{"skew_ms": strconv.FormatInt(skew.Milliseconds(), 10)}
		return nil, q
	}
	if info.SensorID != sensor.SensorID {
		if err := s.checkNumber(ctx, sensor, info.SensorID); err != nil {
			return nil, err
		}
	}
	cursor, err := s.cfg.Store.Cursor(ctx, sensor.Tenant, sensor.UUID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	tenant, err := s.cfg.Store.Tenant(ctx, sensor.Tenant)
	if err != nil {
		return nil, err
	}
	a := &link.HelloAnswer{
		Version: min(in.MaxVersion, link.MaxVersion), TenantID: int64(tenant.ID), Tenant: tenant.Name, UUID: sensor.UUID, RuleRevision: tenant.RuleRevision,
		Limits: link.Limits{MaxChannels: tenant.MaxChannels, MaxBatch: link.MaxBatch, Days: s.cfg.Limits.KeepDays},
		Cursor: link.Cursor{Epoch: cursor.Epoch, Next: cursor.Next}, Clock: protocol.TimeOf(now), Server: protocol.Version,
	}
	if in.Probe {
		return a, nil
	}
	if p.greeted() {
		return nil, helloTwice()
	}
	l, err := s.claim(ctx, sensor, info, tenant.MaxChannels, p.addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.unclaim(context.WithoutCancel(ctx), l)
		}
	}()
	a.Limits.MaxChannels = l.Granted
	if err := s.cfg.Store.TouchSensor(ctx, sensor.Tenant, sensor.UUID, info, p.addr, now); errors.Is(err, store.ErrExists) {
		return nil, s.checkNumber(ctx, sensor, info.SensorID)
	} else if err != nil {
		return nil, err
	}
	sensor.SensorID, sensor.Info = info.SensorID, info
	a.Session = make([]byte, 16)
	_, _ = rand.Read(a.Session) // never fails: crypto/rand documents it
	return a, s.begin(p, sensor, l, a.Session)
}

// readBody reads a body of at most limit bytes.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("body of more than %d bytes: %w", limit, link.ErrTooLarge)
	}
	return b, nil
}
