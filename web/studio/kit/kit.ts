import "../../scripts/copy";
import "../../scripts/refresh";
