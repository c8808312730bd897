import "../scripts/form";
import "../scripts/copy";
import "../scripts/refresh";
import "./tables";
