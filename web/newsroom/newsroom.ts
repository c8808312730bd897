import "../scripts/form";
import "./copy";
import "./tables";
