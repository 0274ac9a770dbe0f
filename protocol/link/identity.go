package link

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"voiptop/protocol"
)

// The files of an identity. cert.pem is written last: a sensor is paired when it is there.
const (
	keyFile     = "key.pem"  // mode 0600
	pendingFile = "next.pem" // the key of an enrolment that is not finished, 0600
	CertFile    = "cert.pem"
	caFile      = "ca.pem"
	linkFile    = "link.json"
)

// Identity is what a paired sensor is: its key, its certificate, and whose it is.
type Identity struct {
	Dir      string
	Key      crypto.Signer
	Cert     *x509.Certificate
	CA       *x509.Certificate
	UUID     protocol.UUID // from Cert
	TenantID int64         // from Cert
	Link     Pairing
}

// Pairing is link.json, what there is to know beside the certificate.
type Pairing struct {
	Server   string        `json:"server"` // host:port that it enrolled at
	Tenant   string        `json:"tenant"` // name
	SensorID uint16        `json:"id_sensor"`
	Enrolled protocol.Time `json:"enrolled"`
}

// notPaired is the problem of a sensor without an identity.
func notPaired(dir, detail string) *protocol.Problem {
	return &protocol.Problem{
		Code: protocol.CodeNotPaired, Title: "this sensor is not paired with a hosted", Detail: detail,
		Remedy: "get a token on hosted's page Sensors, then run `voipmon pair --server HOST:PORT`, or set cloud_token", Fields: map[string]string{"dir": dir},
	}
}

// LoadIdentity reads the identity in dir. It fails with the problem not-paired when there is none.
func LoadIdentity(dir string) (*Identity, error) {
	id := &Identity{Dir: dir}
	var err error
	if id.Cert, err = readCert(filepath.Join(dir, CertFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, notPaired(dir, "no "+filepath.Join(dir, CertFile))
	} else if err != nil {
		return nil, err
	}
	if id.CA, err = readCert(filepath.Join(dir, caFile)); err != nil {
		return nil, damaged(err)
	}
	if id.Key, err = readKey(filepath.Join(dir, keyFile)); err != nil {
		return nil, damaged(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, linkFile))
	if err == nil {
		err = json.Unmarshal(b, &id.Link)
	}
	if err != nil {
		return nil, damaged(fmt.Errorf("read %s: %w", filepath.Join(dir, linkFile), err))
	}
	if id.TenantID, id.UUID, err = ParseSensorURI(id.Cert); err != nil {
		return nil, damaged(fmt.Errorf("%s: %w", filepath.Join(dir, CertFile), err))
	}
	if pub, ok := id.Cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(id.Key.Public()) {
		return nil, damaged(fmt.Errorf("%s does not belong to %s in %s", keyFile, CertFile, dir))
	}
	return id, nil
}

func damaged(err error) error {
	return fmt.Errorf("%w: pair the sensor again with `voipmon pair --force`", err)
}

// TLS gives the certificate to show to hosted.
func (id *Identity) TLS() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{id.Cert.Raw}, PrivateKey: id.Key, Leaf: id.Cert}
}

// RenewAt is when two thirds of the certificate's life are over.
func (id *Identity) RenewAt() time.Time {
	return id.Cert.NotBefore.Add(id.Cert.NotAfter.Sub(id.Cert.NotBefore) * 2 / 3)
}

// Renewed stores a new certificate for the same key and gives the identity that has it.
func (id *Identity) Renewed(a *EnrolAnswer) (*Identity, error) {
	cert, err := x509.ParseCertificate(a.Cert)
	if err != nil {
		return nil, fmt.Errorf("renewed certificate: %w", err)
	}
	if pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(id.Key.Public()) {
		return nil, errors.New("renewed certificate is for another key")
	}
	tenant, uuid, err := ParseSensorURI(cert)
	if err != nil || tenant != id.TenantID || uuid != id.UUID {
		return nil, fmt.Errorf("renewed certificate is for another sensor (%s): %w", uuid, err)
	}
	if err := writeFile(filepath.Join(id.Dir, CertFile), pemBlock("CERTIFICATE", cert.Raw), 0o644); err != nil {
		return nil, err
	}
	next := *id
	next.Cert = cert
	return &next, nil
}

// store writes the answer to an enrolment with the key into dir.
func store(dir string, key crypto.Signer, a *EnrolAnswer, lf Pairing) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	b, err := json.MarshalIndent(lf, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", linkFile, err)
	}
	// Without a certificate the old identity is gone, so that a crash between the files leaves none, not a mixture; the
	// pending key makes the next attempt with the same token give the same sensor.
	if err := os.Remove(filepath.Join(dir, CertFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode fs.FileMode
	}{
		{caFile, pemBlock("CERTIFICATE", a.CA), 0o644},
		{linkFile, append(b, '\n'), 0o644},
		{keyFile, pemBlock("PRIVATE KEY", der), 0o600},
		{CertFile, pemBlock("CERTIFICATE", a.Cert), 0o644},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	return os.Remove(filepath.Join(dir, pendingFile))
}

// pendingKey gives the key of an enrolment in dir that did not finish, or makes one and stores it: when the answer to an
// enrolment is lost, asking again with the same token and key gives the same sensor.
func pendingKey(dir string) (crypto.Signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("identity folder: %w", err)
	}
	path := filepath.Join(dir, pendingFile)
	if key, err := readKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return key, writeFile(path, pemBlock("PRIVATE KEY", der), 0o600)
}

// KeyHash is the SHA-256 of a public key's SubjectPublicKeyInfo: what identifies a sensor.
func KeyHash(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func readPEM(path, kind string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s: want PEM with a %s", path, kind)
	}
	return block.Bytes, nil
}

func readCert(path string) (*x509.Certificate, error) {
	der, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func readKey(path string) (crypto.Signer, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may read the key (mode %04o, want 0600): if it was shared, pair again, else chmod 600", path, st.Mode().Perm())
	}
	der, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a %T cannot sign", path, k)
	}
	return s, nil
}

// writeFile replaces path at once or not at all: a temporary file, synced, renamed, and the folder synced.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
