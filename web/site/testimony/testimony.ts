import "../../scripts/player";
