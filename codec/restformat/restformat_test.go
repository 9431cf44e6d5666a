package restformat_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/restformat"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// What the annotation looks like on the wire, and no more.
const annotationsProto = `
syntax = "proto3";
package google.api;
import "google/protobuf/descriptor.proto";
extend google.protobuf.MethodOptions { HttpRule http = 72295728; }
message HttpRule {
  string selector = 1;
  oneof pattern {
    string get = 2;
    string put = 3;
    string post = 4;
    string delete = 5;
    string patch = 6;
    CustomHttpPattern custom = 8;
  }
  string body = 7;
  repeated HttpRule additional_bindings = 11;
  string response_body = 12;
}
message CustomHttpPattern {
  string kind = 1;
  string path = 2;
}
`

const httpBodyProto = `
syntax = "proto3";
package google.api;
import "google/protobuf/any.proto";
message HttpBody {
  string content_type = 1;
  bytes data = 2;
  repeated google.protobuf.Any extensions = 3;
}
`

const messagesProto = `
syntax = "proto3";
package test.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

enum Color { COLOR_UNSPECIFIED = 0; RED = 1; GREEN = 2; }
message Message { string message_id = 1; string text = 2; Sub sub = 3; }
message Sub { string subfield = 1; int32 count = 2; repeated string tags = 3; Sub sub = 4; }
message Request {
  string name = 1;
  string message_id = 2;
  int64 revision = 3;
  Sub sub = 4;
  string user_id = 5;
  Message message = 6;
  repeated string tags = 7;
  repeated int32 numbers = 8;
  bool flag = 9;
  bytes data = 10;
  Color color = 11;
  repeated Color colors = 12;
  google.protobuf.Timestamp at = 13;
  google.protobuf.Duration wait = 14;
  google.protobuf.FieldMask mask = 15;
  google.protobuf.StringValue nick = 16;
  google.protobuf.Int64Value big = 17;
  google.protobuf.BoolValue sure = 18;
  google.protobuf.BytesValue blob = 19;
  google.protobuf.DoubleValue score = 20;
  double ratio = 21;
  float small = 22;
  uint32 u32 = 23;
  uint64 u64 = 24;
  sint32 s32 = 25;
  fixed64 f64 = 26;
  map<string, string> labels = 27;
  repeated Message messages = 28;
  oneof choice { string left = 29; string right = 30; Sub both = 31; }
  optional string maybe = 32;
  Request self = 33;
  google.api.HttpBody http_body = 34;
  string parent = 35;
  string id = 36;
  repeated google.protobuf.Timestamp times = 37;
  string displayName = 38;
}
message Keyed { string key = 1; string alt = 2; }
message Response {
  string text = 1;
  Message message = 2;
  repeated Message messages = 3;
  repeated int64 numbers = 4;
  map<string, int32> counts = 5;
  int64 big = 6;
  Color color = 7;
  google.api.HttpBody http_body = 8;
  google.protobuf.Timestamp at = 9;
  bool flag = 10;
  optional string maybe = 11;
}
`

// compile returns the descriptors of messagesProto with the given services, as they are in a binary that does not know
// the annotation.
func compile(t testing.TB, services string) *protoregistry.Files {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{
			"google/api/annotations.proto": annotationsProto,
			"google/api/httpbody.proto":    httpBodyProto,
			"test.proto":                   messagesProto + services, // which may import more
		}),
	})}
	files, err := compiler.Compile(context.Background(), "test.proto")
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	add(files[0])
	b, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	set.Reset()
	if err := proto.Unmarshal(b, set); err != nil {
		t.Fatal(err)
	}
	all, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func methodOf(t testing.TB, files *protoregistry.Files, name string) protoreflect.MethodDescriptor {
	t.Helper()
	desc, err := files.FindDescriptorByName(protoreflect.FullName(strings.Replace(name, "/", ".", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return desc.(protoreflect.MethodDescriptor)
}

// A serveFunc is a codec.Handler.
type serveFunc func(ctx context.Context, call *codec.Call, r codec.Responder)

func (f serveFunc) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	f(ctx, call, r)
}

// A recorder is a codec.Handler that keeps the last call and its request, and answers with res.
type recorder struct {
	files *protoregistry.Files
	res   func(out protoreflect.MessageDescriptor, req *dynamicpb.Message) proto.Message // nil for an empty message

	mu   sync.Mutex // guards below
	call codec.Call
	req  *dynamicpb.Message
}

func (rec *recorder) ServeCall(_ context.Context, call *codec.Call, r codec.Responder) {
	desc, err := rec.files.FindDescriptorByName(protoreflect.FullName(strings.Replace(call.Method, "/", ".", 1)))
	if err != nil {
		_ = r.Finish(nil, err)
		return
	}
	method := desc.(protoreflect.MethodDescriptor)
	req := dynamicpb.NewMessage(method.Input())
	if err := r.Recv(req); err != nil {
		_ = r.Finish(nil, err)
		return
	}
	if err := r.Recv(nil); err != io.EOF {
		_ = r.Finish(nil, fmt.Errorf("got %w after the request, want io.EOF", err))
		return
	}
	rec.mu.Lock()
	rec.call, rec.req = *call, req
	rec.mu.Unlock()
	var res proto.Message = dynamicpb.NewMessage(method.Output())
	if rec.res != nil {
		res = rec.res(method.Output(), req)
	}
	_ = r.Finish(res, nil)
}

// last returns the method and the request of the last call, "test.v1.S/Get {"name":"x"}", and forgets them.
func (rec *recorder) last(t testing.TB) string {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.req == nil {
		return ""
	}
	text, err := jsoncodec.Codec{}.MarshalAppend([]byte(rec.call.Method+" "), rec.req)
	if err != nil {
		t.Fatal(err)
	}
	rec.req = nil
	return string(text)
}

func config() codec.Config {
	return codec.Config{
		Codecs:      codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}},
		Compression: codec.Compression{Accept: codec.Compressors{compress.Gzip()}},
		Limits:      codec.Limits{MessageBytes: 64 << 10, HeaderBytes: 8 << 10},
	}
}

// handlerOf serves the first of the formats that matches.
func handlerOf(h codec.Handler, cfg codec.Config, formats ...codec.HTTPFormat) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httptransport.Serve(w, r, func(ctx context.Context, x transport.Exchange) {
			for _, format := range formats {
				if format.Match(x.Request()) {
					format.Serve(ctx, x, h, cfg)
					return
				}
			}
			_ = x.Respond(http.StatusTeapot, nil)
		})
	})
}

// start serves h on a TCP port until the test ends, and returns the port's address.
func start(t *testing.T, h http.Handler) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptransport.Server{Handler: h, Limits: httptransport.Limits{HeaderBytes: 64 << 10, WriteTimeout: 10 * time.Second}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			server.ServeConn(nc)
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return ln.Addr().String()
}

// newClient returns an HTTP client that is closed when the test ends.
func newClient(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	tr := &http.Transport{Protocols: protocols, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// newFormat returns the format of the methods.
func newFormat(t testing.TB, files *protoregistry.Files, methods ...string) *restformat.Format {
	t.Helper()
	f, err := restformat.New(files, methods)
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		t.Fatalf("no annotation was found for %q", methods)
	}
	return f
}

// A response is one that was read to its end.
type response struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	err     error // of reading the body
}

// do sends "GET /path" with header lines and a body, which is nil for none.
func do(t *testing.T, c *http.Client, addr, request string, header http.Header, body io.Reader) response {
	t.Helper()
	verb, target, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(t.Context(), verb, "http://"+addr+target, body)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	if body != nil && header == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(req.Header, header)
	res, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, res.Trailer, string(b), err}
}
