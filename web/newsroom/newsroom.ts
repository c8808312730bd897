import "../scripts/form";
import "./copy";
import "./refresh";
import "./tables";
