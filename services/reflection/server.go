package reflection

import (
	"context"
	"slices"
	"sync"

	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/reflection/reflectionv1"
	"github.com/protomicro/micro/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxName is longer than any name. Looking up a name costs its length times the number of its dots.
const maxName = 1024

// server answers the requests of all streams.
type server struct {
	registry Registry
	services func() []string

	once sync.Once
	own  protodesc.Resolver // what the registry may lack
}

// ServerReflectionInfo serves one stream.
func (s *server) ServerReflectionInfo(
	_ context.Context, stream *runtime.Stream[reflectionv1.ServerReflectionResponse, reflectionv1.ServerReflectionRequest],
) error {
	s.once.Do(func() { s.own = ownFiles() })
	sent := make(map[string]bool)
	for req, err := range stream.All() {
		if err != nil {
			return err
		}
		res := &reflectionv1.ServerReflectionResponse{ValidHost: req.GetHost(), OriginalRequest: req}
		if err := s.answer(req, res, sent); err != nil {
			refuse(res, status.From(err))
		}
		if err := stream.Send(res); err != nil {
			return err
		}
	}
	return nil
}

func refuse(res *reflectionv1.ServerReflectionResponse, err *status.Error) {
	res.MessageResponse = &reflectionv1.ServerReflectionResponse_ErrorResponse{ErrorResponse: &reflectionv1.ErrorResponse{
		ErrorCode:    int32(err.Code), //nolint:gosec // it is one of this package's, all of which are small
		ErrorMessage: err.Message,
	}}
}

// answer sets the response to one request. sent holds the paths of the files that are on the stream already.
func (s *server) answer(
	req *reflectionv1.ServerReflectionRequest, res *reflectionv1.ServerReflectionResponse, sent map[string]bool,
) error {
	var file protoreflect.FileDescriptor
	var err error
	switch ask := req.GetMessageRequest().(type) {
	case *reflectionv1.ServerReflectionRequest_FileByFilename:
		file, err = s.fileByPath(ask.FileByFilename)
	case *reflectionv1.ServerReflectionRequest_FileContainingSymbol:
		file, err = s.fileOf(ask.FileContainingSymbol)
	case *reflectionv1.ServerReflectionRequest_FileContainingExtension:
		file, err = s.fileOfExtension(ask.FileContainingExtension)
	case *reflectionv1.ServerReflectionRequest_AllExtensionNumbersOfType:
		return s.listExtensions(ask.AllExtensionNumbersOfType, res)
	case *reflectionv1.ServerReflectionRequest_ListServices:
		s.listServices(res)
		return nil
	default:
		return status.Errorf(status.Unimplemented, "no request of a kind that is known here")
	}
	if err != nil {
		return err
	}
	files, err := withImports(file, sent)
	res.MessageResponse = &reflectionv1.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &reflectionv1.FileDescriptorResponse{FileDescriptorProto: files},
	}
	return err
}

func (s *server) listServices(res *reflectionv1.ServerReflectionResponse) {
	list := &reflectionv1.ListServiceResponse{}
	for _, name := range s.services() {
		list.Service = append(list.Service, &reflectionv1.ServiceResponse{Name: name})
	}
	res.MessageResponse = &reflectionv1.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list}
}

func (s *server) fileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := s.registry.Files.FindFileByPath(path); err == nil {
		return file, nil
	}
	if file, err := s.own.FindFileByPath(path); err == nil {
		return file, nil
	}
	return nil, status.Errorf(status.NotFound, "no file %.100q", path)
}

func (s *server) fileOf(symbol string) (protoreflect.FileDescriptor, error) {
	d, err := s.find(symbol)
	if err != nil {
		return nil, err
	}
	return d.ParentFile(), nil
}

func (s *server) find(symbol string) (protoreflect.Descriptor, error) {
	name, err := valid(symbol)
	if err != nil {
		return nil, err
	}
	if d, err := s.registry.Files.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	if d, err := s.own.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	return nil, status.Errorf(status.NotFound, "no symbol %.100q", symbol)
}

func (s *server) fileOfExtension(ask *reflectionv1.ExtensionRequest) (protoreflect.FileDescriptor, error) {
	name, err := valid(ask.GetContainingType())
	if err != nil {
		return nil, err
	}
	number := protoreflect.FieldNumber(ask.GetExtensionNumber())
	extension, err := s.registry.Types.FindExtensionByNumber(name, number)
	if err != nil {
		return nil, status.Errorf(status.NotFound, "no extension of message %.100q has the number %d", name, number)
	}
	return extension.TypeDescriptor().ParentFile(), nil
}

func (s *server) listExtensions(message string, res *reflectionv1.ServerReflectionResponse) error {
	d, err := s.find(message)
	if err != nil {
		return err
	}
	if _, ok := d.(protoreflect.MessageDescriptor); !ok {
		return status.Errorf(status.NotFound, "%.100q is not a message", message)
	}
	var numbers []int32
	s.registry.Types.RangeExtensionsByMessage(d.FullName(), func(extension protoreflect.ExtensionType) bool {
		numbers = append(numbers, int32(extension.TypeDescriptor().Number()))
		return true
	})
	slices.Sort(numbers)
	res.MessageResponse = &reflectionv1.ServerReflectionResponse_AllExtensionNumbersResponse{
		AllExtensionNumbersResponse: &reflectionv1.ExtensionNumberResponse{BaseTypeName: message, ExtensionNumber: numbers},
	}
	return nil
}

// valid returns name if something could have it.
func valid(name string) (protoreflect.FullName, error) {
	full := protoreflect.FullName(name)
	if len(name) > maxName || !full.IsValid() {
		return "", status.Errorf(status.InvalidArgument, "%.100q is not the full name of anything", name)
	}
	return full, nil
}

// withImports returns the encoded descriptors of a file and of those that it imports, directly or indirectly, but for
// imports that were sent. An import that is not linked is left out.
func withImports(file protoreflect.FileDescriptor, sent map[string]bool) ([][]byte, error) {
	var encoded [][]byte
	for queue := []protoreflect.FileDescriptor{file}; len(queue) > 0; queue = queue[1:] {
		next := queue[0]
		if next.IsPlaceholder() || next != file && sent[next.Path()] {
			continue
		}
		sent[next.Path()] = true
		data, err := proto.Marshal(protodesc.ToFileDescriptorProto(next))
		if err != nil {
			return nil, status.Errorf(status.Internal, "descriptor of %s: %v", next.Path(), err)
		}
		encoded = append(encoded, data)
		for i := range next.Imports().Len() {
			queue = append(queue, next.Imports().Get(i).FileDescriptor)
		}
	}
	return encoded, nil
}
