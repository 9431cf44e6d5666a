package connectformat

import (
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// maxQuery is how long the query of a GET may be; what would be longer is sent by POST. Proxies refuse URLs of 8 KiB.
const maxQuery = 4 << 10

// A unaryClient is the client's side of a call whose bodies are bare messages.
type unaryClient struct {
	*httprpc.ClientCall
	out        httprpc.Encoder
	get        bool
	req        []byte // encoded, nil before Send
	compressed bool   // req is
}

// Send keeps the encoded msg until Finish.
func (s *unaryClient) Send(msg any) error {
	if err := s.Ended(); err != nil {
		return err
	}
	if s.req != nil || s.Started() {
		return status.Errorf(status.Internal, "a unary call has one request")
	}
	req, compressed, err := s.out.AppendBare([]byte{}, msg) // not pooled: the request may still be read when it has ended
	if err == nil {
		s.req, s.compressed = req, compressed
	}
	return err
}

// Finish sends the whole request.
func (s *unaryClient) Finish(last any, _ error) error {
	if last != nil {
		if err := s.Send(last); err != nil {
			return err
		}
	}
	if s.req == nil || s.Started() {
		return status.Errorf(status.Internal, "a unary call has one request")
	}
	req := request(s.Call, unaryPrefix)
	if known := s.Conn.Compression.Accept; len(known) > 0 {
		httprpc.Set(req.Header, acceptEncoding, known.String())
	} else {
		httprpc.Set(req.Header, acceptEncoding, identity)
	}
	if s.get {
		if query := s.query(); len(query) <= maxQuery {
			req.Method, req.Query = "GET", query
			delete(req.Header, contentType)
			delete(req.Header, protocolVersion)
			return s.Start(req, []byte{})
		}
	}
	if s.compressed {
		httprpc.Set(req.Header, contentEncoding, s.out.Compressor.Name())
	}
	return s.Start(req, s.req)
}

// query returns the request as a query, in the order that the protocol recommends.
func (s *unaryClient) query() string {
	var q strings.Builder
	q.WriteString("connect=v1")
	message := url.QueryEscape(string(s.req))
	if s.compressed || s.Call.Codec.Name() != "json" || !utf8.Valid(s.req) {
		q.WriteString("&base64=1")
		message = base64.RawURLEncoding.EncodeToString(s.req)
	}
	if s.compressed {
		q.WriteString("&compression=" + s.out.Compressor.Name())
	}
	q.WriteString("&encoding=" + s.Call.Codec.Name() + "&message=" + message)
	return q.String()
}

func (s *unaryClient) Recv(msg any) error {
	if s.RecvErr != nil {
		return s.RecvErr
	}
	if s.RecvErr = s.recv(msg); s.RecvErr != nil {
		return s.RecvErr
	}
	s.RecvErr = io.EOF
	return nil
}

func (s *unaryClient) recv(msg any) error {
	if err := s.Head(); err != nil {
		return err
	}
	if _, err := checkResponse(s.ClientCall, unaryPrefix+s.Call.Codec.Name(), contentEncoding); err != nil {
		return err
	}
	body, err := readUnary(s.ClientCall, httprpc.LengthOf(s.Response), s.Conn.Limits.MessageBytes)
	defer func() { bufpool.Put(body) }()
	if err != nil {
		return err
	}
	return s.Decode(body.B, msg)
}
