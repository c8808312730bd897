import "../scripts/form";
import "../scripts/elsewhere";
