package jsonrpc

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

const (
	contentType = "Content-Type"
	jsonType    = "application/json"
	streamType  = "application/x-ndjson" // of a response with an object in each line
	writeGrace  = time.Second            // for what is written when the request's context has ended
)

// The HTTP status numbers that have a meaning of their own here.
const (
	httpOK               = 200
	httpNoContent        = 204
	httpMethodNotAllowed = 405
	httpUnsupportedMedia = 415
)

const post = "POST" // the method of every request

// HTTP is JSON-RPC 2.0 by POST to the path "/": a request or a batch in the body, and the response or the responses in
// that of the answer. The zero value is ready.
//
// A server stream is answered with an object in each line. Client streams and bidi streams are refused with Unimplemented.
type HTTP struct {
	Plain bool // as in Format; metadata still goes in the headers of HTTP
}

var _ codec.HTTPFormat = HTTP{}

// Name returns "jsonrpc".
func (HTTP) Name() string { return Format{}.Name() }

// Match tells whether req is for the path "/" with a content type of JSON-RPC, whatever its method is.
func (HTTP) Match(req *transport.Request) bool {
	if req.Path != "/" && req.Path != "" {
		return false
	}
	switch httprpc.MediaType(req.Header) {
	case jsonType, "application/json-rpc", "application/jsonrequest":
		return true
	}
	return false
}

// Serve serves the calls that x carries. The HTTP status is 200 whatever the outcome is, 204 if there is nothing to answer,
// and 405 or 415 for a request that is no call.
func (f HTTP) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	req := x.Request()
	header := transport.Header{}
	switch encoding := httprpc.First(req.Header, "Content-Encoding"); {
	case req.Method != post:
		httprpc.Set(header, "Allow", post)
		_ = httprpc.Respond(x, httpMethodNotAllowed, header, nil)
		return
	case encoding != "" && encoding != "identity":
		httprpc.Set(header, "Accept-Encoding", "identity")
		_ = httprpc.Respond(x, httpUnsupportedMedia, header, nil)
		return
	}
	lim := cfg.Limits.WithDefaults()
	w := &wire{lim: lim}
	var frame objectrpc.Frame
	if !readRequest(x, &frame, lim) {
		return
	}
	a := &answer{x: x, stream: frame.Type == objectrpc.Request && frame.Kind == codec.ServerStream}
	hurried := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(hurried)
		_ = x.SetWriteDeadline(time.Now().Add(writeGrace))
	})
	pipe := objectrpc.Pipe{Name: f.Name(), Codec: codecOf(cfg)}
	pipe.Answer(ctx, &frame, w, req.Peer, a.put, h, cfg)
	if !stop() {
		<-hurried
	}
	if !a.begun {
		_ = x.Respond(httpNoContent, transport.Header{})
	}
}

// readRequest reads the body, and the metadata in the headers of HTTP, into f, and tells whether there is anybody to
// answer.
func readRequest(x transport.Exchange, f *objectrpc.Frame, lim codec.Limits) bool {
	req := x.Request()
	in := &httprpc.Patience{X: x, Limit: lim.ReadTimeout}
	most := lim.MessageBytes + lim.HeaderBytes
	body, err := httprpc.ReadBody(io.LimitReader(in, int64(most)+1), -1, most+1)
	in.End()
	defer bufpool.Put(body)
	meta, _, metaErr := httprpc.SplitMeta(req.Header)
	switch {
	case err == nil && len(body.B) > most:
		decodeCut(f, slices.Clone(body.B), lim)
	case status.CodeOf(err) == status.DeadlineExceeded:
		f.Type, f.Err = objectrpc.Malformed, status.From(err)
	case err != nil:
		return false
	case metaErr != nil:
		f.Type, f.Err = objectrpc.Malformed, status.From(metaErr)
	default:
		decode(f, slices.Clone(body.B), lim)
	}
	adapt(f, meta)
	for i := range f.Batch {
		adapt(&f.Batch[i], meta)
	}
	return true
}

// adapt makes f what it is over HTTP.
func adapt(f *objectrpc.Frame, meta codec.Meta) {
	if f.Type != objectrpc.Request {
		return
	}
	f.Header = slices.Concat(meta, f.Header)
	f.Credit = 0 // HTTP has flow control of its own
	if f.Kind == codec.ClientStream || f.Kind == codec.BidiStream {
		f.Type = objectrpc.Malformed
		f.Err = status.Errorf(status.Unimplemented, "a %s cannot be called in JSON-RPC over HTTP", f.Kind)
	}
}

// An answer is the response to a request.
type answer struct {
	x      transport.Exchange
	stream bool
	begun  bool
}

func (a *answer) put(object []byte) error {
	begun := a.begun
	a.begun = true
	header := transport.Header{}
	if !a.stream {
		httprpc.Set(header, contentType, jsonType)
		return httprpc.Respond(a.x, httpOK, header, object)
	}
	if !begun {
		httprpc.Set(header, contentType, streamType)
		if err := a.x.Respond(httpOK, header); err != nil {
			return gone(err)
		}
	}
	if _, err := a.x.Write(append(slices.Clip(object), '\n')); err != nil {
		return gone(err)
	}
	if err := a.x.Flush(); err != nil {
		return gone(err)
	}
	return nil
}

func gone(err error) error { return status.Errorf(status.Canceled, "the caller is gone: %v", err) }

// codeOfHTTP returns the code for an answer that is not of JSON-RPC.
func codeOfHTTP(httpStatus int) status.Code {
	switch httpStatus {
	case 400:
		return status.Internal
	case 401:
		return status.Unauthenticated
	case 403:
		return status.PermissionDenied
	case 404, httpMethodNotAllowed, httpUnsupportedMedia:
		return status.Unimplemented
	case 429, 502, 503, 504:
		return status.Unavailable
	}
	return status.Unknown
}

func isJSON(header transport.Header) bool {
	t := httprpc.MediaType(header)
	return t == streamType || strings.HasPrefix(t, jsonType)
}
