package sensors

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

func TestTokenEnrolsOneSensorOnce(t *testing.T) {
	r := newRig(t, Limits{})
	e := r.enrolment(r.tenant, 7)
	id, err := link.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if id.Link.Tenant != "Acme" || id.Link.SensorID != 7 || id.TenantID != int64(r.tenant) || id.UUID.IsZero() {
		t.Errorf("identity %+v, tenant %d, sensor %s", id.Link, id.TenantID, id.UUID)
	}
	if st, err := os.Stat(filepath.Join(e.Dir, "key.pem")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key.pem: %v, %v; want mode 0600", st.Mode(), err)
	}
	if err := r.hello(id, r.info(7, "b")); err != nil {
		t.Fatal(err)
	}
	e.Dir = t.TempDir() // another machine
	_, err = link.Enrol(t.Context(), e)
	wantProblem(t, err, protocol.CodeUnknownToken)
}

func TestTokenEndsAfterAnHour(t *testing.T) {
	r := newRig(t, Limits{})
	e := r.enrolment(r.tenant, 7)
	r.ahead.Store(int64(time.Hour + time.Minute))
	_, err := link.Enrol(t.Context(), e)
	wantProblem(t, err, protocol.CodeUnknownToken)
}

func TestEnrolmentWhoseAnswerWasLostGivesTheSameSensor(t *testing.T) {
	r := newRig(t, Limits{})
	e := r.enrolment(r.tenant, 7)
	id, err := link.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	// As if the answer had not come: the key is still the pending one, there is no certificate.
	if err := os.Rename(filepath.Join(e.Dir, "key.pem"), filepath.Join(e.Dir, "next.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(e.Dir, link.CertFile)); err != nil {
		t.Fatal(err)
	}
	again, err := link.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if again.UUID != id.UUID {
		t.Errorf("sensor %s, want %s", again.UUID, id.UUID)
	}
}

func TestEnrolmentWithATakenNumberNamesTheHolderAndKeepsTheToken(t *testing.T) {
	r := newRig(t, Limits{})
	holder := r.enrol(r.tenant, 7)
	e := r.enrolment(r.tenant, 7)
	_, err := link.Enrol(t.Context(), e)
	p := wantProblem(t, err, protocol.CodeSensorIDCollision)
	if p.Fields["uuid"] != holder.UUID.String() || p.Fields["name"] != "pbx-boot" || p.Fields["since"] == "" || p.Fields["addr"] == "" {
		t.Errorf("fields %v", p.Fields)
	}
	e.Info.SensorID = 8
	if _, err := link.Enrol(t.Context(), e); err != nil {
		t.Errorf("the token is lost: %v", err)
	}
}

func TestNumbersOfTwoTenantsDoNotCollide(t *testing.T) {
	r := newRig(t, Limits{})
	other := r.newTenant("Other")
	a, b := r.enrol(r.tenant, 7), r.enrol(other, 7)
	if a.UUID == b.UUID || a.TenantID == b.TenantID {
		t.Errorf("sensors %s/%d and %s/%d", a.UUID, a.TenantID, b.UUID, b.TenantID)
	}
}

func TestTokenOfAnotherHostedIsGivenToNobodyElse(t *testing.T) {
	r, other := newRig(t, Limits{}), newRig(t, Limits{})
	e := r.enrolment(r.tenant, 7)
	e.Server = other.addr // somebody stands between
	_, err := link.Enrol(t.Context(), e)
	wantProblem(t, err, protocol.CodeServerUntrusted)
	e.Server = r.addr
	if _, err := link.Enrol(t.Context(), e); err != nil {
		t.Errorf("the token was spent: %v", err)
	}
}

func TestSensorTrustsNoOtherHosted(t *testing.T) {
	r, other := newRig(t, Limits{}), newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	_, err := link.CheckHello(t.Context(), r.dialer(id), other.addr, r.info(7, "b"))
	wantProblem(t, err, protocol.CodeServerUntrusted)

	d := r.dialer(id)
	d.Trust.Fingerprint = other.ca.Fingerprint() // server_fingerprint names another than the paired one
	_, err = link.CheckHello(t.Context(), d, r.addr, r.info(7, "b"))
	wantProblem(t, err, protocol.CodeServerUntrusted)

	d.Trust = link.Trust{Fingerprint: r.ca.Fingerprint()} // by fingerprint alone
	if _, err = link.CheckHello(t.Context(), d, r.addr, r.info(7, "b")); err != nil {
		t.Error(err)
	}
}

// A sensor's certificate comes from the CA that hosted's does. It must not pass for hosted's.
func TestSensorsCertificateDoesNotPassForHosteds(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	cfg := link.ClientConfig(id, link.Trust{CA: id.CA}, r.now, link.ALPNUp)
	_, fake := testTLSPair(t, cfg, id.TLS())
	wantProblem(t, fake, protocol.CodeServerUntrusted)
}

func TestCertificateIsRenewedWithinGraceOfItsEndAndNotAfter(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	if left := id.RenewAt().Sub(r.now()); left < 19*24*time.Hour || left > 21*24*time.Hour {
		t.Errorf("to be renewed in %s, want two thirds of 30 days", left)
	}
	renew := func() (*link.Identity, error) {
		c, err := link.Connect(t.Context(), r.dialer(id), r.addr)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		a, err := c.Renew(t.Context(), id)
		if err != nil {
			return nil, err
		}
		return id.Renewed(a)
	}
	r.ahead.Store(int64(40 * 24 * time.Hour))
	wantProblem(t, r.hello(id, r.info(7, "b")), protocol.CodeNotPaired) // it ended
	next, err := renew()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.hello(next, r.info(7, "b")); err != nil {
		t.Fatal(err)
	}
	loaded, err := link.LoadIdentity(id.Dir)
	if err != nil || !loaded.Cert.Equal(next.Cert) || sha256.Sum256(loaded.Cert.RawSubjectPublicKeyInfo) != link.KeyHash(id.Cert) {
		t.Errorf("the identity on the disk is not the renewed one: %v", err)
	}
	r.ahead.Store(int64(100 * 24 * time.Hour)) // 70 days after the first certificate's end
	_, err = renew()
	wantProblem(t, err, protocol.CodeNotPaired)
}

func TestRevokedSensorGetsNoNewCertificate(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	if err := r.store.RevokeSensor(t.Context(), r.tenant, id.UUID); err != nil {
		t.Fatal(err)
	}
	c, err := link.Connect(t.Context(), r.dialer(id), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Renew(t.Context(), id)
	wantProblem(t, err, protocol.CodeRevoked)
}
