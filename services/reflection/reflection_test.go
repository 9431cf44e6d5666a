package reflection_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health"
	"github.com/protomicro/micro/services/reflection"
	"github.com/protomicro/micro/services/reflection/reflectionv1"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/gofeaturespb"
	"google.golang.org/protobuf/types/known/apipb"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

type (
	request  = reflectionv1.ServerReflectionRequest
	response = reflectionv1.ServerReflectionResponse
	stream   = runtime.Stream[request, response]
)

func byPath(path string) *request {
	return &request{MessageRequest: &reflectionv1.ServerReflectionRequest_FileByFilename{FileByFilename: path}}
}

func bySymbol(name string) *request {
	return &request{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}}
}

func byExtension(message string, number int32) *request {
	return &request{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingExtension{
		FileContainingExtension: &reflectionv1.ExtensionRequest{ContainingType: message, ExtensionNumber: number},
	}}
}

func extensionsOf(message string) *request {
	return &request{MessageRequest: &reflectionv1.ServerReflectionRequest_AllExtensionNumbersOfType{
		AllExtensionNumbersOfType: message,
	}}
}

func list() *request {
	return &request{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{ListServices: "*"}}
}

type bed struct{}

func (bed) Get(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error) { return nil, nil }

func (bed) Watch(context.Context, *weatherv1.WatchRequest, *runtime.Sender[weatherv1.Report]) error {
	return nil
}

func (bed) Record(context.Context, *runtime.Receiver[weatherv1.Sample]) (*weatherv1.Summary, error) {
	return nil, nil
}

func (bed) Chat(context.Context, *runtime.Stream[weatherv1.Note, weatherv1.Note]) error { return nil }

// serve returns a client of a server with a service of its own, health, and reflection.
func serve(t *testing.T, r reflection.Registry) *runtime.Client {
	t.Helper()
	s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
	weatherv1.RegisterWeatherServer(s, bed{})
	health.Register(s)
	r.Register(s)
	client := runtime.Local(s)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return client
}

func open(t *testing.T, client *runtime.Client) *stream {
	t.Helper()
	s, err := reflection.NewClient(client).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func ask(t *testing.T, s *stream, req *request) *response {
	t.Helper()
	if err := s.Send(req); err != nil {
		t.Fatal(err)
	}
	res, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(req, res.GetOriginalRequest(), protocmp.Transform()); diff != "" || res.GetValidHost() != req.GetHost() {
		t.Errorf("another request or host came back (-want +got):\n%s", diff)
	}
	return res
}

// files returns the paths of the files in a response, and their descriptors.
func files(t *testing.T, res *response) ([]string, []*descriptorpb.FileDescriptorProto) {
	t.Helper()
	if res.GetFileDescriptorResponse() == nil {
		t.Fatalf("no file came, but %v", res)
	}
	var paths []string
	var all []*descriptorpb.FileDescriptorProto
	for _, data := range res.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(data, file); err != nil {
			t.Fatal(err)
		}
		paths, all = append(paths, file.GetName()), append(all, file)
	}
	return paths, all
}

func TestListServices(t *testing.T) {
	res := ask(t, open(t, serve(t, reflection.Registry{})), list())
	var got []string
	for _, s := range res.GetListServicesResponse().GetService() {
		got = append(got, s.GetName())
	}
	want := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "weather.v1.Weather",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFiles_AreSentOnceWithWhatTheyImport(t *testing.T) {
	client := serve(t, reflection.Registry{})
	s := open(t, client)
	api := apipb.File_google_protobuf_api_proto.Path()
	paths, all := files(t, ask(t, s, byPath(api)))
	want := []string{
		api, "google/protobuf/any.proto", "google/protobuf/source_context.proto", "google/protobuf/type.proto",
	}
	slices.Sort(paths[1:])
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(protodesc.ToFileDescriptorProto(apipb.File_google_protobuf_api_proto), all[0], protocmp.Transform()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", api, diff)
	}
	if _, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: all}); err != nil {
		t.Errorf("the files are not whole: %v", err)
	}
	for _, asked := range []string{api, "google/protobuf/type.proto"} {
		if paths, _ := files(t, ask(t, s, byPath(asked))); !slices.Equal(paths, []string{asked}) {
			t.Errorf("%s, asked for once more, came with %q", asked, paths)
		}
	}
	if paths, _ := files(t, ask(t, open(t, client), byPath(api))); len(paths) != len(want) {
		t.Errorf("on another stream came %q", paths)
	}
}

func TestSymbols_AreFoundInTheirFiles(t *testing.T) {
	s := open(t, serve(t, reflection.Registry{}))
	weather := weatherv1.File_weather_v1_weather_proto.Path()
	for symbol, want := range map[string]string{
		"weather.v1.Weather":                                       weather,
		"weather.v1.Weather.Chat":                                  weather,
		"weather.v1.Report":                                        weather,
		"weather.v1.Report.city":                                   weather,
		"google.protobuf.FeatureSet.EnumType":                      "google/protobuf/descriptor.proto",
		"google.protobuf.SYNTAX_PROTO3":                            "google/protobuf/type.proto",
		"pb.go":                                                    "google/protobuf/go_features.proto",
		"protomicro.grpc.health.v1.Health.Check":                   "protomicro/grpc/health/v1/health.proto",
		"grpc.health.v1.Health":                                    "grpc/health/v1/health.proto",
		"grpc.health.v1.Health.Watch":                              "grpc/health/v1/health.proto",
		"grpc.health.v1.HealthCheckResponse.ServingStatus":         "grpc/health/v1/health.proto",
		"grpc.reflection.v1.ServerReflection":                      "grpc/reflection/v1/reflection.proto",
		"grpc.reflection.v1alpha.ServerReflection":                 "grpc/reflection/v1alpha/reflection.proto",
		"grpc.reflection.v1alpha.ServerReflectionRequest":          "grpc/reflection/v1alpha/reflection.proto",
		"grpc.reflection.v1.ErrorResponse.error_message":           "grpc/reflection/v1/reflection.proto",
		"grpc.reflection.v1.ServerReflection.ServerReflectionInfo": "grpc/reflection/v1/reflection.proto",
	} {
		if paths, _ := files(t, ask(t, s, bySymbol(symbol))); paths[0] != want {
			t.Errorf("%s was found in %s", symbol, paths[0])
		}
	}
}

// The services of this repository are described by the names that they have on the wire.
func TestOwnServices_AreDescribedAsPublished(t *testing.T) {
	s := open(t, serve(t, reflection.Registry{}))
	for path, want := range map[string]string{
		"grpc/health/v1/health.proto": "grpc.health.v1.Health: " +
			"Check(grpc.health.v1.HealthCheckRequest) grpc.health.v1.HealthCheckResponse, " +
			"List(grpc.health.v1.HealthListRequest) grpc.health.v1.HealthListResponse, " +
			"Watch(grpc.health.v1.HealthCheckRequest) grpc.health.v1.HealthCheckResponse",
		"grpc/reflection/v1/reflection.proto": "grpc.reflection.v1.ServerReflection: ServerReflectionInfo" +
			"(grpc.reflection.v1.ServerReflectionRequest) grpc.reflection.v1.ServerReflectionResponse",
		"grpc/reflection/v1alpha/reflection.proto": "grpc.reflection.v1alpha.ServerReflection: ServerReflectionInfo" +
			"(grpc.reflection.v1alpha.ServerReflectionRequest) grpc.reflection.v1alpha.ServerReflectionResponse",
	} {
		_, all := files(t, ask(t, s, byPath(path)))
		if len(all) != 1 || strings.Contains(all[0].String(), "protomicro") {
			t.Errorf("%s: %v", path, all)
		}
		file, err := protodesc.NewFile(all[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		service := file.Services().Get(0)
		var methods []string
		for i := range service.Methods().Len() {
			m := service.Methods().Get(i)
			methods = append(methods, string(m.Name())+"("+string(m.Input().FullName())+") "+string(m.Output().FullName()))
		}
		if got := string(service.FullName()) + ": " + strings.Join(methods, ", "); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
		}
	}
}

func TestExtensions(t *testing.T) {
	s := open(t, serve(t, reflection.Registry{}))
	number := int32(gofeaturespb.E_Go.TypeDescriptor().Number())
	if paths, _ := files(t, ask(t, s, byExtension("google.protobuf.FeatureSet", number))); !slices.Equal(paths, []string{
		"google/protobuf/go_features.proto", "google/protobuf/descriptor.proto",
	}) {
		t.Errorf("the extension came with %q", paths)
	}
	res := ask(t, s, extensionsOf("google.protobuf.FeatureSet")).GetAllExtensionNumbersResponse()
	if res.GetBaseTypeName() != "google.protobuf.FeatureSet" || !slices.Contains(res.GetExtensionNumber(), number) ||
		!slices.IsSorted(res.GetExtensionNumber()) {
		t.Errorf("the extensions are %v", res)
	}
	res = ask(t, s, extensionsOf("weather.v1.Report")).GetAllExtensionNumbersResponse()
	if res.GetBaseTypeName() != "weather.v1.Report" || len(res.GetExtensionNumber()) > 0 {
		t.Errorf("the extensions of what has none are %v", res)
	}
}

func TestBadRequests_AreAnsweredAndTheStreamGoesOn(t *testing.T) {
	s := open(t, serve(t, reflection.Registry{}))
	futureKind := &request{Host: "h"}
	futureKind.ProtoReflect().SetUnknown([]byte{0x42, 1, 'x'}) // field 8
	for name, c := range map[string]struct {
		req  *request
		want status.Code
	}{
		"no such file":            {byPath("weather/v2/weather.proto"), status.NotFound},
		"no file":                 {byPath(""), status.NotFound},
		"a file of the machine":   {byPath("/etc/passwd"), status.NotFound},
		"no such symbol":          {bySymbol("weather.v1.Climate"), status.NotFound},
		"no such method":          {bySymbol("weather.v1.Weather.Cancel"), status.NotFound},
		"a package":               {bySymbol("weather.v1"), status.NotFound},
		"a method with a slash":   {bySymbol("weather.v1.Weather/Get"), status.InvalidArgument},
		"no symbol":               {bySymbol(""), status.InvalidArgument},
		"a leading dot":           {bySymbol(".weather.v1.Weather"), status.InvalidArgument},
		"a million dots":          {bySymbol(strings.Repeat("a.", 1<<20) + "a"), status.InvalidArgument},
		"no such extension":       {byExtension("google.protobuf.FeatureSet", 2), status.NotFound},
		"a negative extension":    {byExtension("google.protobuf.FeatureSet", -1), status.NotFound},
		"extension of nothing":    {byExtension("", 1), status.InvalidArgument},
		"extensions of a service": {extensionsOf("weather.v1.Weather"), status.NotFound},
		"extensions of no type":   {extensionsOf("weather.v1.Climate"), status.NotFound},
		"no kind":                 {&request{Host: "h"}, status.Unimplemented},
		"a kind of the future":    {futureKind, status.Unimplemented},
	} {
		began := time.Now()
		got := ask(t, s, c.req).GetErrorResponse()
		if got.GetErrorCode() != int32(c.want) || got.GetErrorMessage() == "" || len(got.GetErrorMessage()) > 200 {
			t.Errorf("%s: got %.300v, want code %d", name, got, c.want)
		}
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Recv(); err != io.EOF {
		t.Errorf("after the last request: %v, %v", res, err)
	}
}

func TestAlpha_AnswersTheSame(t *testing.T) {
	method := runtime.BidiStream[request, response]{Name: "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}
	s, err := method.Call(t.Context(), serve(t, reflection.Registry{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if n := len(ask(t, s, list()).GetListServicesResponse().GetService()); n != 4 {
		t.Errorf("%d services", n)
	}
	if paths, _ := files(t, ask(t, s, bySymbol("weather.v1.Weather"))); len(paths) == 0 {
		t.Error("no file")
	}
}

func TestRegistry_CanBeAnother(t *testing.T) {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("bed/v1/bed.proto"), Package: new("bed.v1"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:           new("Nap"),
			ExtensionRange: []*descriptorpb.DescriptorProto_ExtensionRange{{Start: new(int32(100)), End: new(int32(200))}},
		}},
		Extension: []*descriptorpb.FieldDescriptorProto{
			extension("late", 150), extension("early", 100),
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	known, types := new(protoregistry.Files), new(protoregistry.Types)
	if err := known.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Extensions().Len() {
		if err := types.RegisterExtension(dynamicpb.NewExtensionType(file.Extensions().Get(i))); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, serve(t, reflection.Registry{Files: known, Types: types}))
	for _, req := range []*request{byPath("bed/v1/bed.proto"), bySymbol("bed.v1.Nap"), byExtension("bed.v1.Nap", 150)} {
		if paths, _ := files(t, ask(t, s, req)); !slices.Equal(paths, []string{"bed/v1/bed.proto"}) {
			t.Errorf("%v came with %q", req, paths)
		}
	}
	numbers := ask(t, s, extensionsOf("bed.v1.Nap")).GetAllExtensionNumbersResponse().GetExtensionNumber()
	if !slices.Equal(numbers, []int32{100, 150}) {
		t.Errorf("the extensions are %v", numbers)
	}
	if got := ask(t, s, bySymbol("weather.v1.Weather")).GetErrorResponse().GetErrorCode(); got != int32(status.NotFound) {
		t.Errorf("what this registry does not know: code %d", got)
	}
	if paths, _ := files(t, ask(t, s, bySymbol("grpc.health.v1.Health"))); len(paths) != 1 {
		t.Errorf("health came with %q", paths)
	}
}

func extension(name string, number int32) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name: new(name), Number: new(number), Extendee: new(".bed.v1.Nap"),
		Type:  descriptorpb.FieldDescriptorProto_TYPE_BOOL.Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
}
