import "../../scripts/captions/editor";
