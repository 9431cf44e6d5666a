package restformat_test

import (
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/protomicro/micro/codec/restformat"
)

// withTemplate returns a file whose method fuzz.S/Call has the path template, bound to GET.
func withTemplate(t *testing.T, template string) *protoregistry.Files {
	rule := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), template)
	options := &descriptorpb.MethodOptions{}
	options.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 72295728, protowire.BytesType), rule))
	field := func(name string, number int32) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: new(name), Number: new(number), JsonName: new(name),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("fuzz.proto"), Package: new("fuzz"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: new("M"), Field: []*descriptorpb.FieldDescriptorProto{field("a", 1), field("b", 2), field("c", 3)}},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("S"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: new("Call"), InputType: new(".fuzz.M"), OutputType: new(".fuzz.M"), Options: options},
		}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	return files
}

// FuzzTemplate checks that a template without variables matches what it is made of: each "*" as "x", "**" as nothing, "x"
// and "x/y".
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"/v1/{a=messages/*}", "/v1/{a}/b/{b=**}:verb", "/v1/*/x/**", "/a:b:c", "/%61/{c=x/*/y}", "/{a=**}", "/", "/v1/{a=", "/a/{b.c}", "/**:x",
		"/v1/{a=b:c}:d", "/*/*", "/{a}{b}", "/\xff", "/%ff", "/a/../b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		files := withTemplate(t, template)
		format, err := restformat.New(files, []string{"fuzz.S/Call"})
		if err != nil {
			if format != nil || !strings.HasPrefix(err.Error(), "restformat: fuzz.S/Call: ") {
				t.Fatalf("%q: got %v, %v", template, format, err)
			}
			return
		}
		if strings.Contains(template, "{") {
			return
		}
		for _, deep := range []string{"x", "x/y", "%2F/%25"} {
			path := strings.ReplaceAll(strings.ReplaceAll(template, "**", deep), "*", "%41")
			x := newExchange("GET", path, "", "")
			rec := &recorder{files: files}
			format.Serve(t.Context(), x, rec, config())
			if got := rec.last(t); got != "fuzz.S/Call {}" {
				t.Fatalf("%q: %q is answered with %d, %s", template, path, x.status, x.String())
			}
		}
	})
}

const fuzzed = `
service S {
	rpc Get(Request) returns (Response) { option (google.api.http) = { get: "/v1/{parent=a/*}/b/{id}" }; }
	rpc Deep(Request) returns (Response) { option (google.api.http) = { get: "/v1/{name=c/**}:verb" }; }
	rpc All(Request) returns (Response) { option (google.api.http) = { get: "/{name=**}" }; }
}`

// FuzzMatch checks that the variables of a path rebuild it, and that a request that is refused reaches no handler.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"/v1/a/x/b/y", "sub.count=2&tags=a&tags=b"},
		{"/v1/c:verb", "flag=true"},
		{"/v1/c/x%2Fy/%252F:verb", "at=2026-01-02T03:04:05Z"},
		{"/", ""},
		{"//", "%"},
		{"/..", "ratio=NaN"},
		{"/%2e", "mask=a,b"},
		{"/v1/a/%2f/b/%2f", "data=_w"},
		{"/x/", "color=RED&color"},
		{"/v1/a/x/b/y:verb", "self.self.self.big=1"},
		{"/v1/c/:verb", "$alt=sse"},
		{"/\xff", "wait=1s&nick=%ff"},
	} {
		f.Add(seed[0], seed[1])
	}
	files := compile(f, fuzzed)
	format := newFormat(f, files, "test.v1.S/Get", "test.v1.S/Deep", "test.v1.S/All")
	f.Fuzz(func(t *testing.T, path, query string) {
		rec := &recorder{files: files}
		x := newExchange("GET", path, query, "")
		matched := format.Match(x.Request())
		format.Serve(t.Context(), x, rec, config())
		switch {
		case !matched && x.status != 404, matched && x.status != 200 && x.status != 400 && x.status != 414, (rec.req != nil) != (x.status == 200):
			t.Fatalf("%q?%q: got %d, %s; matched: %v, handled: %v", path, query, x.status, x.String(), matched, rec.req != nil)
		case rec.req == nil:
			return
		}
		field := func(name string) string {
			for fd, v := range rec.req.Range {
				if string(fd.Name()) == name {
					return v.String()
				}
			}
			return ""
		}
		var rebuilt string
		switch rec.call.Method {
		case "test.v1.S/Get":
			rebuilt = "/v1/" + expand(field("parent"), true) + "/b/" + expand(field("id"), false)
		case "test.v1.S/Deep":
			rebuilt = "/v1/" + expand(field("name"), true) + ":verb"
		case "test.v1.S/All":
			rebuilt = "/" + expand(field("name"), true)
		default:
			t.Fatalf("%q: got the method %q", path, rec.call.Method)
		}
		if got, want := normal(rebuilt), normal(path); got != want {
			t.Fatalf("%q: the request rebuilds %q, which is %q and not %q", path, rebuilt, got, want)
		}
	})
}

// expand encodes the value of a variable as a client does.
func expand(value string, multi bool) string {
	if !multi {
		return url.PathEscape(value)
	}
	parts := strings.Split(value, "/")
	for i := range parts {
		// What the server has left encoded stands for itself.
		parts[i] = strings.ReplaceAll(url.PathEscape(parts[i]), "%252F", "%2F")
		parts[i] = strings.ReplaceAll(parts[i], "%252f", "%2f")
	}
	return strings.Join(parts, "/")
}

// normal returns a path in one of the forms that mean the same. "%252F" and "%2F" become one, since a variable of more
// than one segment does not tell them apart, and so do a path to an empty "**" with and without the slash before it.
func normal(path string) string {
	path, verb := strings.CutSuffix(path, ":verb")
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i := range parts {
		decoded, _ := url.PathUnescape(parts[i])
		decoded = strings.ReplaceAll(strings.ReplaceAll(decoded, "%2F", "/"), "%2f", "/")
		parts[i] = url.PathEscape(decoded)
	}
	path = strings.Join(parts, "/")
	if verb {
		path += ":verb"
	}
	return path
}
