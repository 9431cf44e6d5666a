package connectformat

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A query is the request of a call that is made by GET.
type query struct {
	codec       codec.Codec // nil for one that is not served
	compression string
	message     []byte
}

// parseQuery returns the query of a call that is made by GET, and nil for any other request. A query may come with an
// error.
func parseQuery(req *transport.Request, codecs codec.Codecs) (*query, error) {
	if !isGet(req) {
		return nil, nil //nolint:nilnil // most requests are none
	}
	q := new(query)
	values, err := url.ParseQuery(req.Query)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // not a call
	}
	q.codec, q.compression = codecs.Find(values.Get("encoding")), values.Get("compression")
	if v := values.Get("connect"); v != "" && v != "v1" {
		return q, status.Errorf(status.InvalidArgument, "the query has connect=%.32q, and not v1", v)
	}
	message := values.Get("message")
	switch values.Get("base64") {
	case "1":
		q.message, err = decodeURLBase64(message)
	case "", "0":
		q.message = []byte(message)
	default:
		err = status.Errorf(status.InvalidArgument, "the query has base64=%.32q, and neither 0 nor 1", values.Get("base64"))
	}
	return q, err
}

// decodeURLBase64 accepts both alphabets, with padding and without it.
func decodeURLBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_", " ", "-").Replace(strings.TrimRight(s, "=")) // a plus in a query is a space
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, status.Errorf(status.InvalidArgument, "the message in the query is not base64: %v", err)
	}
	return b, nil
}
