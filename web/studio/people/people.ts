import "../../scripts/copy";
