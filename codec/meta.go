package codec

import (
	"slices"
	"strings"

	"github.com/protomicro/micro/status"
)

// Meta is the metadata of a request or a response, or the trailers of an outcome: keys with values, in order. A key
// may stand more than once. Keys are lower-case; a value is printable ASCII, or any bytes if its key ends in "-bin".
type Meta []Field

// A Field is one key with one value.
type Field struct{ Key, Value string }

// Get returns the first value of key, or "".
func (m Meta) Get(key string) string {
	for i := range m {
		if strings.EqualFold(m[i].Key, key) {
			return m[i].Value
		}
	}
	return ""
}

// Values returns all values of key, in order.
func (m Meta) Values(key string) []string {
	var values []string
	for i := range m {
		if strings.EqualFold(m[i].Key, key) {
			values = append(values, m[i].Value)
		}
	}
	return values
}

// With returns m with a further value of key. It never writes to m's own array.
func (m Meta) With(key, value string) Meta {
	return append(slices.Clip(m), Field{strings.ToLower(key), value})
}

// Check returns an InvalidArgument error that names the first field which cannot travel: a key that is empty, has
// other characters than a-z, 0-9, "-", "_" and ".", or belongs to a format; or a text value that is not printable ASCII.
func (m Meta) Check() error {
	for _, f := range m {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

func (f Field) check() error {
	if f.Key == "" {
		return status.Errorf(status.InvalidArgument, "metadata key is empty")
	}
	for i := range len(f.Key) {
		c := f.Key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return status.Errorf(status.InvalidArgument, "metadata key %q: only a-z, 0-9, '-', '_' and '.' are allowed", f.Key)
		}
	}
	if Reserved(f.Key) {
		return status.Errorf(status.InvalidArgument, "metadata key %q is reserved", f.Key)
	}
	if strings.HasSuffix(f.Key, "-bin") {
		return nil
	}
	for i := range len(f.Value) {
		if c := f.Value[i]; c < ' ' || c > '~' {
			return status.Errorf(status.InvalidArgument,
				"metadata %q: value has a byte that is not printable ASCII; a key that ends in \"-bin\" takes any", f.Key)
		}
	}
	return nil
}

// Reserved tells whether key is one that formats or HTTP itself use, and that metadata therefore cannot.
func Reserved(key string) bool {
	switch key {
	case "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "date", "expect", "host",
		"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return strings.HasPrefix(key, "connect-") || strings.HasPrefix(key, "grpc-") || strings.HasPrefix(key, "trailer-")
}
