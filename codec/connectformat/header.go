package connectformat

import (
	"encoding/base64"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// Names of header fields, in the form that transport.Header has them.
const (
	acceptEncoding        = "Accept-Encoding"
	contentEncoding       = "Content-Encoding"
	contentLength         = "Content-Length"
	contentType           = "Content-Type"
	protocolVersion       = "Connect-Protocol-Version"
	streamAcceptEncoding  = "Connect-Accept-Encoding"
	streamContentEncoding = "Connect-Content-Encoding"
	timeoutMillis         = "Connect-Timeout-Ms"
	trailerPrefix         = "Trailer-"
)

const (
	identity      = "identity" // the encoding that is none
	maxTimeoutLen = 10         // digits of a timeout
	maxTimeout    = 9999999999 // milliseconds
)

// mediaType returns the content type in lower case, without its parameters.
func mediaType(h transport.Header) string {
	t, _, _ := strings.Cut(first(h, contentType), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// first returns the first value of a key that is in canonical form already.
func first(h transport.Header, key string) string {
	if values := h[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func set(h transport.Header, key, value string) { h[key] = []string{value} }

// addMeta adds meta to h, each key with prefix. Keys that are not metadata's are left out.
func addMeta(h transport.Header, prefix string, meta codec.Meta) {
	for _, f := range meta {
		if codec.Reserved(f.Key) {
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(prefix + f.Key)
		h[key] = append(h[key], encodeValue(f))
	}
}

// splitMeta returns the metadata in h, and that in the fields whose names start with "Trailer-".
func splitMeta(h transport.Header) (header, trailer codec.Meta, err error) {
	header = make(codec.Meta, 0, len(h))
	for name, values := range h {
		meta, key := &header, strings.ToLower(name)
		if strings.HasPrefix(name, trailerPrefix) {
			meta, key = &trailer, key[len(trailerPrefix):]
		}
		if *meta, err = appendValues(*meta, key, values); err != nil {
			return nil, nil, err
		}
	}
	return header, trailer, nil
}

// appendValues appends the values that came with a lower-case key, unless that is not a key of metadata.
func appendValues(meta codec.Meta, key string, values []string) (codec.Meta, error) {
	if codec.Reserved(key) {
		return meta, nil
	}
	if !strings.HasSuffix(key, "-bin") {
		for _, value := range values {
			meta = append(meta, codec.Field{Key: key, Value: value})
		}
		return meta, nil
	}
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") { // values of one key may have been joined on the way
			decoded, err := decodeBase64(strings.Trim(part, " \t"))
			if err != nil {
				return nil, status.Errorf(status.InvalidArgument, "metadata %q is not base64: %v", key, err)
			}
			meta = append(meta, codec.Field{Key: key, Value: string(decoded)})
		}
	}
	return meta, nil
}

func encodeValue(f codec.Field) string {
	if strings.HasSuffix(f.Key, "-bin") {
		return base64.RawStdEncoding.EncodeToString([]byte(f.Value))
	}
	return f.Value
}

// decodeBase64 accepts padding and does not need it.
func decodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// formatTimeout returns d in milliseconds, at least one.
func formatTimeout(d time.Duration) string {
	return strconv.FormatInt(min(max(d.Milliseconds(), 1), maxTimeout), 10)
}

// parseTimeout returns the timeout that h demands, or 0 if there is none.
func parseTimeout(h transport.Header) (time.Duration, error) {
	values := h[timeoutMillis]
	if len(values) == 0 {
		return 0, nil
	}
	ms, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || len(values[0]) > maxTimeoutLen {
		return 0, status.Errorf(status.InvalidArgument, "%s %.32q is not a number of at most %d digits",
			timeoutMillis, values[0], maxTimeoutLen)
	}
	timeout := time.Duration(ms) * time.Millisecond //nolint:gosec // ten digits
	return max(timeout, 1), nil                     // 0 ms have passed when they arrive
}

// lengthOf returns the length that h announces, or -1.
func lengthOf(h transport.Header) int64 {
	n, err := strconv.ParseInt(first(h, contentLength), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// checkEncoding returns an Unimplemented error if h says in field key that something is compressed.
func checkEncoding(h transport.Header, key string) error {
	if e := first(h, key); e != "" && e != identity {
		return status.Errorf(status.Unimplemented, "%s %q is not supported; supported is %s", key, e, identity)
	}
	return nil
}
