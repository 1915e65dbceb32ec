import { Alert } from "@mantine/core";
import { useNetwork } from "@mantine/hooks";
import { IconWifiOff } from "@tabler/icons-react";

/** Says, for as long as it is so, that what is shown may be out of date. */
export function OfflineNotice() {
  const { online } = useNetwork();
  return (
    <div role="status">
      {!online && (
        <Alert
          role="presentation"
          color="gray"
          mt="md"
          icon={<IconWifiOff aria-hidden />}
          title="You are offline"
        >
          What you see may be out of date. It is asked for again when you are back online.
        </Alert>
      )}
    </div>
  );
}
